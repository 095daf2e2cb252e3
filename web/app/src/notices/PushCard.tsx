import { Icon } from "@alltid-oppet/meeting";
import { useEffect, useState } from "preact/hooks";
import { useText } from "../i18n/texts";
import { useSession } from "../session";
import type { ContactApi } from "./api";
import { type PushState, pushState, turnOff, turnOn } from "./push";

/** Being told by this browser, when the page is closed too. Not shown where there is no such thing. */
export function PushCard({ contacts, onChange }: { contacts: ContactApi; onChange: () => void }) {
  const t = useText();
  const { refused } = useSession();
  const [key, setKey] = useState<string | null>(null);
  const [state, setState] = useState<PushState>("none");
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let left = false;
    void Promise.all([contacts.pushKey(), pushState()]).then(
      ([found, now]) => {
        if (left) return;
        setKey(found);
        setState(now);
      },
      () => undefined,
    );
    return () => {
      left = true;
    };
  }, [contacts]);
  if (key === null || state === "none") return null;
  const toggle = async (): Promise<void> => {
    if (busy) return;
    setBusy(true);
    setFailed(false);
    try {
      setState(await (state === "on" ? turnOff(contacts) : turnOn(contacts, key)));
      onChange();
    } catch (error) {
      if (!refused(error).needsLogin) setFailed(true);
    } finally {
      setBusy(false);
    }
  };
  return (
    <section class="ap-card" aria-labelledby="push-title" data-testid="place-push" data-state={state}>
      <div class="ap-notice-head">
        <span class="ap-mark">
          <Icon name="screen" />
        </span>
        <div>
          <h2 id="push-title" class="ds-heading" data-size="2xs">
            {t("notices_push")}
          </h2>
          <p class="ap-hint" role="status">
            {t(`notices_push_${state}`)}
          </p>
        </div>
      </div>
      {state !== "denied" && (
        <div class="ap-actions">
          <button type="button" class="ds-button" data-variant="secondary" data-testid="push-toggle" aria-busy={busy} aria-disabled={busy} onClick={() => void toggle()}>
            {t(state === "on" ? "notices_push_stop" : "notices_push_start")}
          </button>
        </div>
      )}
      {failed && (
        <p class="ds-validation-message" role="alert">
          {t("notices_push_failed")}
        </p>
      )}
    </section>
  );
}
