import { useEffect, useState } from "preact/hooks";
import { useText } from "../i18n/texts";
import { loginAddress } from "../login";
import { useSession } from "../session";
import { EndedAlert } from "../shell/EndedAlert";
import { Loading, Notice } from "../shell/Notice";
import { Shell } from "../shell/Shell";
import { Commissions } from "./Commissions";
import { UnitMeetings } from "./UnitMeetings";

/** `/portal`: Vårdportalen, for staff. */
export function PortalPage() {
  const t = useText();
  const { state, session, reload } = useSession();
  const [choosing, setChoosing] = useState(location.hash === "#commissions");
  useEffect(() => {
    const changed = (): void => setChoosing(location.hash === "#commissions");
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  const chosen = (): void => {
    history.replaceState(null, "", "/portal");
    setChoosing(false);
  };
  const staff = session?.kind === "staff" ? session : null;
  const none = staff !== null && !staff.commission && staff.commissions.length === 0;
  const choose = staff !== null && !none && (choosing || !staff.commission);
  const shown = none ? "none" : choose ? "choose" : staff ? "meetings" : session ? "patient" : state.status;
  return (
    <Shell name="portal" state={shown} home="/portal">
      {state.status === "loading" && <Loading />}
      {state.status === "failed" && (
        <Notice icon="warning" title={t("meetings_failed_title")} text={t("code_unreachable")} code={state.code}>
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
            <a class="ds-button" href={loginAddress("staff", "/portal")} data-testid="login-staff">
              {t("login_staff")}
            </a>
            <a class="ds-link" href="/">
              {t("portal_login_patient")}
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
      {shown === "choose" && staff && <Commissions session={staff} onChosen={chosen} />}
      {shown === "meetings" && staff && <UnitMeetings session={staff} />}
    </Shell>
  );
}
