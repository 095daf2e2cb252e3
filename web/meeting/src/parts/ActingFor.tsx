import { type ComponentChildren, createContext, h } from "preact";
import { useContext } from "preact/hooks";
import { useTranslate } from "../i18n/context";
import { Icon } from "./Icon";

const Name = createContext<string | null>(null);

/** For whom one is here as proxy (ombud), or null. */
export function ActingFor({ name, children }: { name: string | null; children: ComponentChildren }) {
  return h(Name.Provider, { value: name }, children);
}

/** On every screen of the meeting while acting for somebody else. */
export function ActingForStrip() {
  const t = useTranslate();
  const name = useContext(Name);
  if (!name) return null;
  return (
    <aside class="ao-acting-for" data-testid="acting-for" aria-label={t("acting_for_label")}>
      <Icon name="people" />
      <span>{t("acting_for", { name })}</span>
    </aside>
  );
}
