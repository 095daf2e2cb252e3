import { usePlace } from "../cases/route";
import { codeText, useCaseText } from "../cases/texts";
import { useText } from "../i18n/texts";
import { loginAddress } from "../login";
import { Commissions } from "../portal/Commissions";
import { useSession } from "../session";
import { EndedAlert } from "../shell/EndedAlert";
import { Loading, Notice } from "../shell/Notice";
import { Shell } from "../shell/Shell";
import { Inbox } from "./Inbox";

/** `/portal/cases`: the cases (ärenden) of a unit, for its staff. */
export function InboxPage() {
  const t = useText();
  const c = useCaseText();
  const { state, session, reload } = useSession();
  const { place, go, moved } = usePlace("/portal/cases");
  const staff = session?.kind === "staff" ? session : null;
  const none = staff !== null && !staff.commission && staff.commissions.length === 0;
  const shown = none ? "none" : staff ? (staff.commission ? place.at : "choose") : session ? "patient" : state.status;
  const isInbox = staff !== null && staff.commission !== null;
  return (
    <Shell name="inbox" state={shown} home="/portal" fill={isInbox} wide={isInbox}>
      {state.status === "loading" && <Loading />}
      {state.status === "failed" && (
        <Notice icon="warning" title={c("inbox_failed_title")} text={c(codeText(state.code))} code={state.code}>
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
          <Notice icon="building" title={c("inbox_login_title")} text={c("inbox_login_text")} focus={false}>
            <a class="ds-button" href={loginAddress("staff", location.pathname)} data-testid="login-staff">
              {t("login_staff")}
            </a>
          </Notice>
        </>
      )}
      {shown === "patient" && (
        <Notice icon="lock" title={t("portal_not_staff_title")} text={t("portal_not_staff_text")}>
          <a class="ds-button" href="/cases">
            {c("home_cases_link")}
          </a>
        </Notice>
      )}
      {shown === "none" && <Notice icon="lock" title={t("commission_no_title")} text={t("commission_no_text")} />}
      {shown === "choose" && staff && <Commissions session={staff} onChosen={() => undefined} />}
      {isInbox && <Inbox key={staff.commission!.commission_hsa_id} session={staff} place={place} go={go} moved={moved} />}
    </Shell>
  );
}
