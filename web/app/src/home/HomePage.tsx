import { useText } from "../i18n/texts";
import { Loading, Notice } from "../shell/Notice";
import { Shell } from "../shell/Shell";
import { useSession } from "../session";
import { MyMeetings } from "./MyMeetings";
import { Welcome } from "./Welcome";

/** `/`: the way in for patients, and their meetings. */
export function HomePage() {
  const t = useText();
  const { state, session, reload } = useSession();
  const shown = session ? (session.kind === "staff" ? "staff" : "meetings") : state.status;
  return (
    <Shell name="home" state={shown}>
      {state.status === "loading" && <Loading />}
      {state.status === "failed" && (
        <Notice icon="warning" title={t("meetings_failed_title")} text={t("code_unreachable")} code={state.code}>
          <button type="button" class="ds-button" onClick={() => void reload()}>
            {t("retry")}
          </button>
        </Notice>
      )}
      {state.status === "out" && <Welcome ended={state.ended} />}
      {shown === "staff" && (
        <Notice icon="building" title={t("home_staff_title")} text={t("home_staff_text")}>
          <a class="ds-button" href="/portal">
            {t("welcome_staff_link")}
          </a>
        </Notice>
      )}
      {shown === "meetings" && session && <MyMeetings session={session} />}
    </Shell>
  );
}
