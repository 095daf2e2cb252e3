import { Meeting, type MeetingElement } from "@alltid-oppet/meeting";
import { useId, useRef, useState } from "preact/hooks";
import { ApiError, type MeetingToken } from "../api";
import { keyFor, useText } from "../i18n/texts";
import { useSession } from "../session";
import { Notice } from "../shell/Notice";
import { Shell } from "../shell/Shell";
import { nameFault } from "./name";

/** `/guest#link=...`: one gives a name, and waits. The link stays in the fragment: it never reaches a log. */
export function GuestPage() {
  const t = useText();
  const { api } = useSession();
  const [link] = useState(() => new URLSearchParams(location.hash.slice(1)).get("link") ?? "");
  const [token, setToken] = useState<MeetingToken | null>(null);
  const [name, setName] = useState(storedName);
  const [refusal, setRefusal] = useState<ApiError | null>(null);

  if (token) {
    const fresh = async (): Promise<string> => (await api.useLink(link, name.trim())).token;
    return (
      <Meeting
        url={location.origin}
        token={token.token}
        freshToken={fresh}
        onClient={(client) => ((document.getElementById("page") as MeetingElement).client = client)}
      />
    );
  }
  const enter = async (): Promise<void> => {
    try {
      const next = await api.useLink(link, name.trim());
      storeName(name.trim());
      setToken(next);
    } catch (error) {
      setRefusal(error instanceof ApiError ? error : new ApiError("internal", 0));
    }
  };
  if (!link) {
    return (
      <Shell name="guest" state="no_link">
        <Notice icon="link" title={t("guest_no_link_title")} text={t("guest_no_link_text")} />
      </Shell>
    );
  }
  if (refusal) {
    const passing = refusal.status === 0 || refusal.status === 429 || refusal.status >= 500;
    return (
      <Shell name="guest" state="refused">
        <Notice
          icon="warning"
          title={t("guest_failed_title")}
          text={t(keyFor("code_", refusal.code, "code_link_invalid"))}
          code={refusal.code}
        >
          {passing && (
            <button type="button" class="ds-button" onClick={() => setRefusal(null)}>
              {t("retry")}
            </button>
          )}
        </Notice>
      </Shell>
    );
  }
  return (
    <Shell name="guest" state="name">
      <NameForm name={name} onName={setName} onEnter={enter} />
    </Shell>
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

const STORED = "alltid-oppet:guest-name";

/** The name survives a reload of the tab, not the tab. */
function storedName(): string {
  try {
    return sessionStorage.getItem(STORED) ?? "";
  } catch {
    return "";
  }
}

function storeName(name: string): void {
  try {
    sessionStorage.setItem(STORED, name);
  } catch {
    // Storage is forbidden: a reload asks for the name again.
  }
}
