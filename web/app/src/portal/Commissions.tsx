import { Icon } from "@alltid-oppet/meeting";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Session } from "../api";
import { useText } from "../i18n/texts";
import { useSession } from "../session";

/** Which of one's commissions (medarbetaruppdrag) to work under. */
export function Commissions({ session, onChosen }: { session: Session; onChosen: () => void }) {
  const t = useText();
  const { chooseCommission, refused } = useSession();
  const [busy, setBusy] = useState<string | null>(null);
  const [failed, setFailed] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const current = session.commission?.commission_hsa_id;
  const choose = (id: string): void => {
    if (busy) return;
    if (id === current) return onChosen();
    setBusy(id);
    setFailed(false);
    chooseCommission(id)
      .then(onChosen, (error: unknown) => {
        if (!refused(error).needsLogin) setFailed(true);
      })
      .finally(() => setBusy(null));
  };
  return (
    <section class="ap-column ap-narrow">
      <h1 class="ds-heading" data-size="md" ref={heading} tabIndex={-1}>
        {t("commission_choose")}
      </h1>
      <p class="ap-lead">{t("commission_choose_text")}</p>
      <ul class="ap-choices">
        {session.commissions.map(({ commission_hsa_id: id, name }) => (
          <li key={id}>
            <button type="button" class="ap-choice" data-testid="commission" data-id={id} aria-busy={busy === id} onClick={() => choose(id)}>
              <span class="ap-mark">
                <Icon name="building" />
              </span>
              <span>{name}</span>
              {id === current && <span class="ds-tag">{t("commission_current")}</span>}
            </button>
          </li>
        ))}
      </ul>
      {failed && (
        <p class="ds-validation-message" role="alert">
          {t("commission_failed")}
        </p>
      )}
    </section>
  );
}
