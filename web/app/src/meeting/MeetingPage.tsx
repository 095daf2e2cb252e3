import { Meeting, type MeetingElement } from "@alltid-oppet/meeting";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Api, ApiError } from "../api";
import { useLoaded } from "../hooks";
import { keyFor, useText } from "../i18n/texts";
import { loginAddress } from "../login";
import { useSession } from "../session";
import { Loading, Notice } from "../shell/Notice";
import { Shell } from "../shell/Shell";
import { freshToken } from "./fresh_token";
import { mayCapture } from "./permission";

/** While one is in a meeting the session counts as used; far less than any idle limit. */
const KEEP_ALIVE_MS = 4 * 60_000;
/** How often a page that came too early looks whether the meeting has opened. */
const EARLY_RETRY_MS = 15_000;

/** `/meeting/{id}`: with the session's right to a meeting. A link with a token of its own goes to `LinkedMeeting`. */
export function MeetingPage({ meetingId }: { meetingId: string }) {
  const t = useText();
  const { api, state, session, reload, refused } = useSession();
  // Somebody who is in a meeting stays on its page whatever becomes of the session: the server ends what has to end.
  const [entered, setEntered] = useState<Entered | null>(null);
  const { loaded, again } = useLoaded(
    state.status === "in" ? `${meetingId} ${session?.acting_for?.subject ?? ""}` : "",
    () => (state.status === "in" ? api.meetingToken(meetingId) : new Promise<never>(() => undefined)),
    refused,
  );
  const home = session?.kind === "staff" ? "/portal" : "/";
  const given = loaded.status === "here" ? loaded.value : null;
  useEffect(() => {
    if (!given || entered) return;
    const actingFor = session?.acting_for?.name ?? null;
    // A host's one click was the one that led here; where the browser would ask for the devices, the check explains why.
    const direct = given.role === "host" ? mayCapture() : Promise.resolve(false);
    void direct.then((yes) => setEntered({ token: given.token, actingFor, direct: yes, home }));
  }, [given?.token]);

  if (entered) return <Inside api={api} meetingId={meetingId} {...entered} />;
  const early = loaded.status === "failed" && isEarly(loaded.error);
  const shown = state.status !== "in" ? state.status : early ? "early" : loaded.status;
  return (
    <Shell name="meeting" state={shown} home={home}>
      {(shown === "loading" || shown === "here") && <Loading />}
      {state.status === "failed" && (
        <Notice icon="warning" title={t("meetings_failed_title")} text={t("code_unreachable")} code={state.code}>
          <button type="button" class="ds-button" onClick={() => void reload()}>
            {t("retry")}
          </button>
        </Notice>
      )}
      {state.status === "out" && <LoginFirst meetingId={meetingId} />}
      {state.status === "in" && loaded.status === "failed" && (
        <Refused error={loaded.error} early={early} home={home} onRetry={again} />
      )}
    </Shell>
  );
}

function LoginFirst({ meetingId }: { meetingId: string }) {
  const t = useText();
  const here = `/meeting/${encodeURIComponent(meetingId)}`;
  return (
    <Notice icon="lock" title={t("meeting_login_title")} text={t("meeting_login_text")}>
      <a class="ds-button" href={loginAddress("patient", here)} data-testid="login-patient">
        {t("login_patient")}
      </a>
      <a class="ds-button" data-variant="secondary" href={loginAddress("staff", here)} data-testid="login-staff">
        {t("login_staff")}
      </a>
    </Notice>
  );
}

interface RefusedProps {
  error: ApiError;
  early: boolean;
  home: "/" | "/portal";
  onRetry: () => Promise<void>;
}

function Refused({ error, early, home, onRetry }: RefusedProps) {
  const t = useText();
  useEffect(() => {
    if (!early) return undefined;
    const timer = setInterval(() => void onRetry(), EARLY_RETRY_MS);
    return () => clearInterval(timer);
  }, [early]);
  return (
    <Notice
      icon={early ? "clock" : "lock"}
      title={t(early ? "meeting_early_title" : "meeting_refused_title")}
      text={t(early ? "meeting_early_text" : keyFor("code_", error.code, "code_internal"))}
      code={early ? undefined : error.code}
    >
      {error.isPassing && (
        <button type="button" class="ds-button" onClick={() => void onRetry()}>
          {t("retry")}
        </button>
      )}
      <a class="ds-button" data-variant="secondary" href={home}>
        {t(home === "/portal" ? "meeting_to_portal" : "meeting_to_list")}
      </a>
    </Notice>
  );
}

interface Entered {
  token: string;
  actingFor: string | null;
  direct: boolean;
  home: string;
}

interface InsideProps extends Entered {
  api: Api;
  meetingId: string;
}

/** The meeting itself, from the check to the end. */
function Inside({ api, meetingId, token, actingFor, direct, home }: InsideProps) {
  const over = useRef(false);
  useEffect(() => {
    const timer = setInterval(() => !over.current && void api.session().catch(() => undefined), KEEP_ALIVE_MS);
    return () => clearInterval(timer);
  }, [api]);
  const fresh = (): Promise<string> => freshToken(() => api.meetingToken(meetingId));
  return (
    <Meeting
      url={location.origin}
      token={token}
      freshToken={fresh}
      actingFor={actingFor}
      direct={direct}
      home={home}
      onEnd={() => (over.current = true)}
      onClient={(client) => ((document.getElementById("page") as MeetingElement).client = client)}
    />
  );
}

const isEarly = (error: ApiError): boolean => error.code === "not_open";
