import type { ComponentChildren } from "preact";
import { useText } from "../i18n/texts";
import { loginAddress } from "../login";
import { useSession } from "../session";
import { EndedAlert } from "./EndedAlert";
import { Loading, Notice } from "./Notice";

/** What a page says of itself to whom it cannot show more. */
export interface GateTexts {
  failed: string;
  /** Why it failed, by code; else that the service cannot be reached. */
  why?: (code: string) => string;
  /** To whom is not logged in; pages with a welcome of their own leave it out. */
  login?: { title: string; text: string };
}

interface Props {
  audience: "patient" | "staff";
  texts: GateTexts;
  /** Where a login leads; the page itself when left out. */
  back?: string | undefined;
  /** Beside the login. */
  children?: ComponentChildren;
}

/** What stands on a page as long as nobody is logged in, as far as is known; nothing once somebody is. */
export function NoSession({ audience, texts, back = location.pathname, children }: Props) {
  const t = useText();
  const { state, reload } = useSession();
  if (state.status === "loading") return <Loading />;
  if (state.status === "failed") {
    return (
      <Notice icon="warning" title={texts.failed} text={texts.why?.(state.code) ?? t("code_unreachable")} code={state.code}>
        <button type="button" class="ds-button" onClick={() => void reload()}>
          {t("retry")}
        </button>
      </Notice>
    );
  }
  if (state.status === "in" || !texts.login) return null;
  return (
    <>
      <div class="ap-narrow">
        <EndedAlert ended={state.ended} />
      </div>
      <Notice icon={audience === "staff" ? "building" : "lock"} title={texts.login.title} text={texts.login.text} focus={false}>
        <a class="ds-button" href={loginAddress(audience, back)} data-testid={`login-${audience}`}>
          {t(`login_${audience}`)}
        </a>
        {children}
      </Notice>
    </>
  );
}
