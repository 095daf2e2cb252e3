import { Icon } from "@alltid-oppet/meeting";
import { useState } from "preact/hooks";
import { useText } from "../i18n/texts";
import { useSession } from "../session";

/** On every screen while acting for somebody else: for whom, and the way back to oneself. */
export function ProxyBanner() {
  const t = useText();
  const { session, actFor, refused } = useSession();
  const [busy, setBusy] = useState(false);
  if (!session?.acting_for) return null;
  const back = (): void => {
    setBusy(true);
    actFor(null)
      .catch(refused)
      .finally(() => setBusy(false));
  };
  return (
    <section class="ap-proxy" aria-label={t("proxy_label")} data-testid="proxy-banner">
      <div class="ap-proxy-inner">
        <Icon name="people" />
        <p>
          {t("proxy_acting")} <strong>{session.acting_for.name}</strong>
        </p>
        <button type="button" class="ds-button" data-variant="secondary" data-testid="proxy-end" aria-disabled={busy} onClick={back}>
          {t("proxy_end")}
        </button>
      </div>
    </section>
  );
}
