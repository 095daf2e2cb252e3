import type { ComponentChildren } from "preact";
import type { Session } from "../api";
import { useText } from "../i18n/texts";
import { loginAddress } from "../login";
import { useSession } from "../session";
import { EndedAlert } from "../shell/EndedAlert";
import { Loading, Notice } from "../shell/Notice";
import { Shell } from "../shell/Shell";
import { Commissions } from "./Commissions";

interface Props {
  name: string;
  /** The page fills the window. */
  fill?: boolean;
  children: (session: Session) => ComponentChildren;
}

/** A page of Vårdportalen for staff with a commission; everybody else is told where to turn. */
export function StaffPage({ name, fill = false, children }: Props) {
  const t = useText();
  const { state, session, reload } = useSession();
  const staff = session?.kind === "staff" ? session : null;
  const none = staff !== null && !staff.commission && staff.commissions.length === 0;
  const isIn = staff !== null && staff.commission !== null;
  const shown = none ? "none" : isIn ? "in" : staff ? "choose" : session ? "patient" : state.status;
  return (
    <Shell name={name} state={shown} home="/portal" fill={fill && isIn} wide={fill && isIn}>
      {state.status === "loading" && <Loading />}
      {state.status === "failed" && (
        <Notice icon="warning" title={t("page_failed")} text={t("code_unreachable")} code={state.code}>
          <button type="button" class="ds-button" onClick={() => void reload()}>
            {t("retry")}
          </button>
        </Notice>
      )}
      {state.status === "out" && (
        <>
          <div class="ap-narrow">
            <EndedAlert ended={state.ended} />
          </div>
          <Notice icon="building" title={t("portal_login_title")} text={t("portal_login_text")} focus={false}>
            <a class="ds-button" href={loginAddress("staff", location.pathname)} data-testid="login-staff">
              {t("login_staff")}
            </a>
          </Notice>
        </>
      )}
      {shown === "patient" && (
        <Notice icon="lock" title={t("portal_not_staff_title")} text={t("portal_not_staff_text")}>
          <a class="ds-button" href="/">
            {t("portal_to_home")}
          </a>
        </Notice>
      )}
      {shown === "none" && <Notice icon="lock" title={t("commission_no_title")} text={t("commission_no_text")} />}
      {shown === "choose" && staff && <Commissions session={staff} onChosen={() => undefined} />}
      {isIn && children(staff)}
    </Shell>
  );
}
