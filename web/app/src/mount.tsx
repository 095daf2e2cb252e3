/** Puts a page into `#page`: language, session, title. */
import "@digdir/designsystemet-web/dialog";
import { LanguageProvider, isLanguage } from "@alltid-oppet/meeting";
import { type ComponentChildren, render } from "preact";
import "@alltid-oppet/meeting/styles.css";
import "./styles/index.css";
import { HttpApi } from "./api";
import { type TextKey, texts } from "./i18n/texts";
import { SessionProvider } from "./session";

/** `lang=en` in the fragment, where a link's maker knows the person's language. */
function linkLanguage(): "sv" | "en" {
  const language = new URLSearchParams(location.hash.slice(1)).get("lang");
  return isLanguage(language) ? language : "sv";
}

export function mountPage(title: TextKey, page: ComponentChildren): void {
  render(
    <LanguageProvider
      initial={linkLanguage()}
      onChange={(language) => {
        document.documentElement.lang = language;
        document.title = `${texts(language)(title)} – Alltid öppet`;
      }}
    >
      <SessionProvider api={new HttpApi()}>{page}</SessionProvider>
    </LanguageProvider>,
    document.getElementById("page")!,
  );
}
