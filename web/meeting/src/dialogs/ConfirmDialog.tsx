import { useState } from "preact/hooks";
import { useTranslate } from "../i18n/context";
import { Dialog } from "./Dialog";

interface Props {
  open: boolean;
  name: string;
  title: string;
  text: string;
  confirm: string;
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

/** Asks once more before something that cannot be taken back. */
export function ConfirmDialog({ open, name, title, text, confirm, onConfirm, onClose }: Props) {
  const t = useTranslate();
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState(false);
  const close = (): void => {
    setFailed(false);
    onClose();
  };
  const act = (): void => {
    setBusy(true);
    onConfirm()
      .then(close, () => setFailed(true))
      .finally(() => setBusy(false));
  };
  return (
    <Dialog open={open} onClose={close} title={title} name={name}>
      <p>{text}</p>
      {failed && (
        <p class="ds-validation-message" role="alert">
          {t("action_failed")}
        </p>
      )}
      <div class="ao-dialog-actions">
        <button type="button" class="ds-button" data-color="danger" data-testid={`confirm-${name}`} aria-disabled={busy} onClick={() => !busy && act()}>
          {confirm}
        </button>
        <button type="button" class="ds-button" data-variant="secondary" onClick={close}>
          {t("cancel")}
        </button>
      </div>
    </Dialog>
  );
}
