import { Brand, LanguageSelect, useLanguage } from "@alltid-oppet/meeting";
import type { ComponentChildren } from "preact";
import { useText } from "../i18n/texts";
import { ProxyBanner } from "./ProxyBanner";
import { SessionMenu } from "./SessionMenu";
import { TimeoutDialog } from "./TimeoutDialog";

interface Props {
  /** For tests: which page, and in which state. */
  name: string;
  state: string;
  /** Where the logo leads. */
  home?: "/" | "/portal";
  children: ComponentChildren;
}

/** What every page outside the meeting has around it: logo, language, who is logged in, for whom, where to turn. */
export function Shell({ name, state, home = "/", children }: Props) {
  const { language } = useLanguage();
  const t = useText();
  return (
    <div class="ao-app" lang={language} data-color-scheme="light" data-testid="page" data-page={name} data-state={state}>
      <a class="ds-skip-link" href="#main" onClick={() => document.getElementById("main")?.focus()}>
        {t("skip")}
      </a>
      <header class="ap-head">
        <div class="ap-head-inner">
          <a class="ap-home" href={home} aria-label={t("to_start")}>
            <Brand />
          </a>
          {home === "/portal" && <span class="ap-portal-name">{t("portal")}</span>}
          <span class="ap-head-space" />
          <LanguageSelect compact />
          <SessionMenu />
        </div>
      </header>
      <ProxyBanner />
      <main id="main" class="ap-main" tabIndex={-1}>
        {children}
      </main>
      <footer class="ap-foot">
        <div class="ap-foot-inner">
          <p>
            <strong>{t("foot_emergency")}</strong> {t("foot_emergency_text")}
          </p>
          <p>{t("foot_advice")}</p>
        </div>
      </footer>
      <TimeoutDialog />
    </div>
  );
}
