import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { useTranslate } from "../i18n/context";
import { Icon } from "../parts/Icon";

interface Props {
  open: boolean;
  title: string;
  name: string;
  onClose: () => void;
  children: ComponentChildren;
}

/** A light modal dialog: the browser keeps the focus inside and gives it back, Escape and the backdrop close it. */
export function Dialog({ open, title, name, onClose, children }: Props) {
  const t = useTranslate();
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const dialog = ref.current!;
    if (open && !dialog.open) dialog.showModal();
    if (!open && dialog.open) dialog.close();
  }, [open]);
  return (
    <dialog
      ref={ref}
      class="ds-dialog ao-dialog"
      data-color-scheme="light"
      data-testid={`dialog-${name}`}
      aria-labelledby={titleId}
      onClose={onClose}
      {...{ closedby: "any" }}
    >
      {open && (
        <>
          <div class="ao-dialog-head">
            <h2 id={titleId} class="ds-heading" data-size="xs">
              {title}
            </h2>
            <button type="button" class="ds-button" data-variant="tertiary" data-icon aria-label={t("close")} onClick={onClose}>
              <Icon name="close" />
            </button>
          </div>
          {children}
        </>
      )}
    </dialog>
  );
}
