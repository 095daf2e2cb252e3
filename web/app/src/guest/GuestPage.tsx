import { Meeting, type MeetingElement } from "@alltid-oppet/meeting";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { ApiError, type MeetingToken } from "../api";
import { keyFor, useText } from "../i18n/texts";
import { useSession } from "../session";
import { freshToken } from "../meeting/fresh_token";
import { Loading, Notice } from "../shell/Notice";
import { Shell } from "../shell/Shell";
import { nameFault } from "./name";

/** How often a page that came too early looks whether the meeting has opened. */
const EARLY_RETRY_MS = 15_000;

/** `/guest#link=...`: one gives a name, and waits. The link stays in the fragment: it never reaches a log. */
export function GuestPage() {
  const t = useText();
  const { api } = useSession();
  const [link] = useState(() => new URLSearchParams(location.hash.slice(1)).get("link") ?? "");
  const [token, setToken] = useState<MeetingToken | null>(null);
  const [name, setName] = useState(() => storedName(link) ?? "");
  // The page was loaded again: whoever waits or is in the meeting comes back without being asked anew.
  const [returning, setReturning] = useState(() => link !== "" && storedName(link) !== null);
  const [refusal, setRefusal] = useState<ApiError | null>(null);
  const early = refusal?.code === "not_open";

  const enter = async (): Promise<void> => {
    try {
      const next = await api.useLink(link, name.trim());
      storeName(link, name.trim());
      setToken(next);
    } catch (error) {
      setRefusal(error instanceof ApiError ? error : new ApiError("internal", 0));
    } finally {
      setReturning(false);
    }
  };
  useEffect(() => {
    if (returning) void enter();
  }, []);
  useEffect(() => {
    if (!early) return undefined;
    const timer = setInterval(() => void enter(), EARLY_RETRY_MS);
    return () => clearInterval(timer);
  }, [early]);

  if (token) {
    const fresh = (): Promise<string> => freshToken(() => api.useLink(link, name.trim()));
    return (
      <Meeting
        url={location.origin}
        token={token.token}
        freshToken={fresh}
        onClient={(client) => ((document.getElementById("page") as MeetingElement).client = client)}
      />
    );
  }
  const shown = !link ? "no_link" : returning ? "loading" : early ? "early" : refusal ? "refused" : "name";
  return (
    <Shell name="guest" state={shown}>
      {shown === "no_link" && <Notice icon="link" title={t("guest_no_link_title")} text={t("guest_no_link_text")} />}
      {shown === "loading" && <Loading />}
      {shown === "early" && <Notice icon="clock" title={t("meeting_early_title")} text={t("meeting_early_text")} />}
      {shown === "refused" && <Refused error={refusal!} onRetry={() => setRefusal(null)} />}
      {shown === "name" && <NameForm name={name} onName={setName} onEnter={enter} />}
    </Shell>
  );
}

function Refused({ error, onRetry }: { error: ApiError; onRetry: () => void }) {
  const t = useText();
  const { code } = error;
  return (
    <Notice icon="warning" title={t("guest_failed_title")} text={t(keyFor("code_", code, "code_link_invalid"))} code={code}>
      {error.isPassing && (
        <button type="button" class="ds-button" onClick={onRetry}>
          {t("retry")}
        </button>
      )}
    </Notice>
  );
}

interface FormProps {
  name: string;
  onName: (name: string) => void;
  onEnter: () => Promise<void>;
}

function NameForm({ name, onName, onEnter }: FormProps) {
  const t = useText();
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const fault = tried ? nameFault(name) : null;
  const submit = (event: Event): void => {
    event.preventDefault();
    setTried(true);
    if (nameFault(name)) return input.current?.focus();
    if (busy) return;
    setBusy(true);
    void onEnter().finally(() => setBusy(false));
  };
  return (
    <form class="ap-card ap-form ap-narrow" noValidate onSubmit={submit}>
      <h1 class="ds-heading" data-size="md">
        {t("guest_title")}
      </h1>
      <p class="ap-lead">{t("guest_text")}</p>
      <div class="ds-field">
        <label class="ds-label" for={id}>
          {t("guest_name")}
        </label>
        <p id={`${id}-hint`} class="ap-hint">
          {t("guest_name_hint")}
        </p>
        <input
          ref={input}
          id={id}
          class="ds-input"
          data-testid="guest-name"
          autocomplete="name"
          required
          aria-invalid={fault !== null}
          aria-describedby={fault ? `${id}-fault` : `${id}-hint`}
          value={name}
          onInput={(event) => onName(event.currentTarget.value)}
        />
        {fault && (
          <p id={`${id}-fault`} class="ds-validation-message" role="alert">
            {t(fault.key, fault.values)}
          </p>
        )}
      </div>
      <button type="submit" class="ds-button ap-big" data-testid="guest-continue" aria-busy={busy} aria-disabled={busy}>
        {t("guest_continue")}
      </button>
      <p class="ap-hint">{t("guest_once")}</p>
    </form>
  );
}

const STORED = "alltid-oppet:guest";

/** The name given for this link; it survives a reload of the tab, not the tab. */
function storedName(link: string): string | null {
  try {
    const stored = JSON.parse(sessionStorage.getItem(STORED) ?? "null") as { link?: unknown; name?: unknown } | null;
    return stored?.link === link && typeof stored.name === "string" ? stored.name : null;
  } catch {
    return null;
  }
}

function storeName(link: string, name: string): void {
  try {
    sessionStorage.setItem(STORED, JSON.stringify({ link, name }));
  } catch {
    // Storage is forbidden: a reload asks for the name again.
  }
}
