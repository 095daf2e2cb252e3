import type { ComponentChildren } from "preact";
import { ActingForStrip } from "../parts/ActingFor";
import { Brand } from "../parts/Brand";
import { LanguageSelect } from "../parts/LanguageSelect";

/** The light frame of everything outside the room. */
export function Page({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="ao-page" data-color-scheme="light" data-testid={name}>
      <header class="ao-page-head">
        <Brand />
        <LanguageSelect compact />
      </header>
      <ActingForStrip />
      <main class="ao-page-main">{children}</main>
    </div>
  );
}
