import { Icon } from "@alltid-oppet/meeting";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { useText } from "../i18n/texts";
import { useSession } from "../session";
import { mayRunUnit } from "../unit/rights";

/** Who is logged in, with the way out. A disclosure: its button opens and closes it, Escape and a click beside close it. */
export function SessionMenu() {
  const t = useText();
  const id = useId();
  const { session, logout, refused } = useSession();
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);

  useEffect(() => {
    if (!open) return undefined;
    const beside = (event: Event): void => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    const escape = (event: KeyboardEvent): void => {
      if (event.key !== "Escape") return;
      setOpen(false);
      button.current?.focus();
    };
    addEventListener("pointerdown", beside);
    addEventListener("focusin", beside);
    addEventListener("keydown", escape);
    return () => {
      removeEventListener("pointerdown", beside);
      removeEventListener("focusin", beside);
      removeEventListener("keydown", escape);
    };
  }, [open]);

  if (!session) return null;
  const leave = (): void => {
    setBusy(true);
    setFailed(false);
    logout().catch((error: unknown) => {
      setBusy(false);
      if (!refused(error).needsLogin) setFailed(true);
    });
  };
  const staff = session.kind === "staff";
  return (
    <div class="ap-session" ref={root}>
      <button
        ref={button}
        type="button"
        class="ds-button ap-session-button"
        data-variant="tertiary"
        data-testid="session-menu"
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        <Icon name="person" />
        <span class="ap-session-name">{session.display_name}</span>
        <Icon name="chevron" />
      </button>
      <div id={id} class="ap-session-panel" hidden={!open} data-testid="session-panel">
        <p class="ap-session-who">
          <strong>{session.display_name}</strong>
          <span>{staff ? (session.commission?.name ?? t("commission_none")) : t("session_patient")}</span>
        </p>
        {staff && session.commissions.length > 1 && (
          <a class="ds-link" href="/portal#commissions">
            {t("commission_change")}
          </a>
        )}
        {staff && session.commission && mayRunUnit(session) && (
          <a class="ds-link" href="/portal/unit" data-testid="to-unit">
            {t("title_unit")}
          </a>
        )}
        {!staff && (
          <a class="ds-link" href="/notices" data-testid="to-notices">
            {t("title_notices")}
          </a>
        )}
        {failed && (
          <p class="ds-validation-message" role="alert">
            {t("logout_failed")}
          </p>
        )}
        <button type="button" class="ds-button" data-variant="secondary" data-testid="logout" aria-busy={busy} aria-disabled={busy} onClick={leave}>
          <Icon name="leave" />
          {t("logout")}
        </button>
      </div>
    </div>
  );
}
