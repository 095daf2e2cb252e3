import { Brand, LanguageSelect, useLanguage } from "@alltid-oppet/meeting";
import type { ComponentChildren } from "preact";
import { useText } from "../i18n/texts";
import { Navigation } from "./Navigation";
import { ProxyBanner } from "./ProxyBanner";
import { SessionMenu } from "./SessionMenu";
import { TimeoutDialog } from "./TimeoutDialog";

interface Props {
  /** For tests: which page, and in which state. */
  name: string;
  state: string;
  /** Where the logo leads. */
  home?: "/" | "/portal";
  /** The page fills the window, as a conversation does: no footer, the main part takes what is left. */
  fill?: boolean;
  /** The main part may be wider than a column for reading. */
  wide?: boolean;
  children: ComponentChildren;
}

/** What every page outside the meeting has around it: logo, language, who is logged in, for whom, where to turn. */
export function Shell({ name, state, home = "/", fill = false, wide = false, children }: Props) {
  const { language } = useLanguage();
  const t = useText();
  return (
    <div class="ao-app" lang={language} data-color-scheme="light" data-testid="page" data-page={name} data-state={state} data-fill={fill} data-wide={wide}>
      <a class="ds-skip-link" href="#main" onClick={() => document.getElementById("main")?.focus()}>
        {t("skip")}
      </a>
      <header class="ap-head">
        <div class="ap-head-inner">
          <a class="ap-home" href={home} aria-label={t("to_start")}>
            <Brand />
          </a>
          {home === "/portal" && <span class="ap-portal-name">{t("portal")}</span>}
          <Navigation page={name} home={home} />
          <span class="ap-head-space" />
          <LanguageSelect compact />
          <SessionMenu />
        </div>
      </header>
      <ProxyBanner />
      <main id="main" class="ap-main" tabIndex={-1}>
        {children}
      </main>
      {!fill && (
        <footer class="ap-foot">
          <div class="ap-foot-inner">
            <p>
              <strong>{t("foot_emergency")}</strong> {t("foot_emergency_text")}
            </p>
            <p>{t("foot_advice")}</p>
          </div>
        </footer>
      )}
      <TimeoutDialog />
    </div>
  );
}
