import { Dialog } from "@alltid-oppet/meeting";
import { useEffect, useState } from "preact/hooks";
import { useText } from "../i18n/texts";
import { useSession } from "../session";

/** So long before the end the person is asked (WCAG 2.2.1 wants at least 20 s). */
const WARNING_S = 120;

/** Asks before a session ends for want of use; one press keeps it. */
export function TimeoutDialog() {
  const t = useText();
  const { session, reload, logout, refused } = useSession();
  const [near, setNear] = useState(false);
  const expiresAt = session?.expires_at ?? null;
  /** The longest that a login lasts is over: nothing that is pressed keeps it. */
  const final = session !== null && session.expires_at >= session.ends_at;
  useEffect(() => {
    setNear(false);
    if (expiresAt === null) return undefined;
    // A timer of more than 24.8 days fires at once.
    const from = (seconds: number): number => Math.min(2 ** 31 - 1, Math.max(0, seconds * 1000 - Date.now()));
    const warn = setTimeout(() => setNear(true), from(expiresAt - WARNING_S));
    const end = setTimeout(() => void reload(), from(expiresAt + 1));
    return () => {
      clearTimeout(warn);
      clearTimeout(end);
    };
  }, [expiresAt]);
  if (!session) return null;
  return (
    <Dialog open={near} onClose={() => (final ? setNear(false) : near && void reload())} title={t("timeout_title")} name="timeout">
      <p>{t(final ? "timeout_final" : "timeout_text")}</p>
      <div class="ap-actions">
        <button type="button" class="ds-button" data-testid="stay" autofocus onClick={() => (final ? setNear(false) : void reload())}>
          {t(final ? "close" : "timeout_stay")}
        </button>
        <button type="button" class="ds-button" data-variant="secondary" onClick={() => void logout().catch(refused)}>
          {t("logout")}
        </button>
      </div>
    </Dialog>
  );
}
