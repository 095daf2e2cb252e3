import { useText } from "../i18n/texts";
import { loginAddress } from "../login";
import { useSession } from "../session";
import { EndedAlert } from "../shell/EndedAlert";
import { Loading, Notice } from "../shell/Notice";
import { Shell } from "../shell/Shell";
import { OwnBookings } from "./OwnBookings";
import { codeText, useBookingText } from "./texts";

/** `/bookings`: a patient's times, or those of the person one is a proxy for: see, book, move, cancel. */
export function BookingsPage() {
  const t = useText();
  const b = useBookingText();
  const { state, session, reload, actFor, refused } = useSession();
  const other = session?.acting_for;
  const barred = other !== null && other !== undefined && !other.scopes.includes("book");
  const shown = session ? (session.kind === "staff" ? "staff" : barred ? "barred" : "bookings") : state.status;
  return (
    <Shell name="bookings" state={shown}>
      {state.status === "loading" && <Loading />}
      {state.status === "failed" && (
        <Notice icon="warning" title={b("failed_title")} text={b(codeText(state.code))} code={state.code}>
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
          <Notice icon="lock" title={b("login_title")} text={b("login_text")} focus={false}>
            <a class="ds-button" href={loginAddress("patient", location.pathname)} data-testid="login-patient">
              {t("login_patient")}
            </a>
          </Notice>
        </>
      )}
      {shown === "staff" && (
        <Notice icon="building" title={t("home_staff_title")} text={b("staff_text")}>
          <a class="ds-button" href="/portal">
            {t("welcome_staff_link")}
          </a>
        </Notice>
      )}
      {barred && (
        <Notice icon="lock" title={b("no_scope_title", { name: other.name })} text={b("no_scope_text")}>
          <button type="button" class="ds-button" onClick={() => void actFor(null).catch(refused)}>
            {t("proxy_end")}
          </button>
        </Notice>
      )}
      {shown === "bookings" && session && <OwnBookings key={`${session.person_key} ${other?.subject ?? ""}`} session={session} />}
    </Shell>
  );
}
