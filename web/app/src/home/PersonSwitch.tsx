import { Icon } from "@alltid-oppet/meeting";
import { useState } from "preact/hooks";
import type { Session } from "../api";
import { useText } from "../i18n/texts";
import { useSession } from "../session";

/** Oneself, or somebody one is a proxy (ombud) for. A press switches at once; the banner then says for whom one acts. */
export function PersonSwitch({ session, legend }: { session: Session; legend?: string }) {
  const t = useText();
  const { actFor, refused } = useSession();
  const [busy, setBusy] = useState<string | null>(null);
  const [failed, setFailed] = useState(false);
  if (session.proxies.length === 0) return null;
  const current = session.acting_for?.subject ?? "";
  const choose = (subject: string): void => {
    if (subject === current || busy !== null) return;
    setBusy(subject);
    setFailed(false);
    actFor(subject || null)
      .catch((error: unknown) => {
        if (!refused(error).needsLogin) setFailed(true);
      })
      .finally(() => setBusy(null));
  };
  const people = [
    { subject: "", name: t("proxy_self"), note: session.acting_for ? "" : session.display_name },
    ...session.proxies.map((one) => ({
      subject: one.subject,
      name: one.name,
      note: t(one.kind === "guardian" ? "proxy_guardian" : "proxy_grant"),
    })),
  ];
  return (
    <fieldset class="ap-people" data-testid="person-switch">
      <legend>{legend ?? t("proxy_choose")}</legend>
      <div class="ap-people-list">
        {people.map(({ subject, name, note }) => (
          <button
            key={subject}
            type="button"
            class="ap-person"
            data-testid="person-choice"
            data-subject={subject}
            aria-pressed={subject === current}
            aria-busy={busy === subject}
            onClick={() => choose(subject)}
          >
            <Icon name={subject === current ? "check" : "person"} />
            <span>
              {name}
              {note && <small>{note}</small>}
            </span>
          </button>
        ))}
      </div>
      {failed && (
        <p class="ds-validation-message" role="alert">
          {t("proxy_failed")}
        </p>
      )}
    </fieldset>
  );
}
