import { useEffect, useRef } from "preact/hooks";
import type { Session } from "../api";
import { useText } from "../i18n/texts";
import { loginAddress } from "../login";
import { useSession } from "../session";
import { EndedAlert } from "../shell/EndedAlert";
import { Loading, Notice } from "../shell/Notice";
import { Shell } from "../shell/Shell";
import { PatientCases } from "./PatientCases";
import { usePlace } from "./route";
import { codeText, useCaseText } from "./texts";

/** `/cases`: a patient's cases (ärenden), one of them, or a new one. */
export function CasesPage() {
  const t = useText();
  const c = useCaseText();
  const { state, session, reload, actFor, refused } = useSession();
  const { place, go, moved } = usePlace("/cases");
  const subject = session?.acting_for?.subject ?? "";
  // Whose cases are shown has changed: what was on the screen belongs to somebody else.
  const shownFor = useRef<string | null>(null);
  const isRead = useRef(false);
  useEffect(() => {
    if (!session) return;
    if (shownFor.current !== null && shownFor.current !== subject && isRead.current) go({ at: "list" }, "replace");
    shownFor.current = subject;
    isRead.current = false;
  }, [session, subject]);
  const other = session?.acting_for;
  const barred = other !== null && other !== undefined && !other.scopes.includes("messages");
  const shown = session ? (session.kind === "staff" ? "staff" : barred ? "barred" : place.at) : state.status;
  return (
    <Shell name="cases" state={shown} fill={shown === "case"}>
      {state.status === "loading" && <Loading />}
      {state.status === "failed" && (
        <Notice icon="warning" title={c("cases_failed_title")} text={c(codeText(state.code))} code={state.code}>
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
          <Notice icon="lock" title={c("cases_login_title")} text={c("cases_login_text")} focus={false}>
            <a class="ds-button" href={loginAddress("patient", location.pathname)} data-testid="login-patient">
              {t("login_patient")}
            </a>
          </Notice>
        </>
      )}
      {shown === "staff" && (
        <Notice icon="building" title={t("home_staff_title")} text={c("inbox_login_text")}>
          <a class="ds-button" href="/portal/cases">
            {t("welcome_staff_link")}
          </a>
        </Notice>
      )}
      {barred && (
        <Notice icon="lock" title={c("cases_no_scope_title")} text={c("cases_no_scope_text", { name: other.name })}>
          <button type="button" class="ds-button" onClick={() => void actFor(null).catch(refused)}>
            {t("proxy_end")}
          </button>
        </Notice>
      )}
      {session?.kind === "patient" && !barred && (
        <PatientCases key={keyOf(session)} session={session} place={place} go={go} moved={moved} onRead={() => (isRead.current = true)} />
      )}
    </Shell>
  );
}

/** Another person, or somebody else they act for: everything begins anew. */
const keyOf = (session: Session): string => `${session.person_key} ${session.acting_for?.subject ?? ""}`;
