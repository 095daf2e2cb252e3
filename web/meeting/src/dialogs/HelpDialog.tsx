import { useId } from "preact/hooks";
import { useTranslate } from "../i18n/context";
import type { MessageKey } from "../i18n/messages";
import { Dialog } from "./Dialog";

/** What each key does; the room binds the same keys. */
export const KEYS = { microphone: "m", camera: "v", share: "s", people: "p", settings: "i", help: "?" } as const;

const ROWS: [keys: string, text: MessageKey][] = [
  [KEYS.microphone, "help_microphone"],
  [KEYS.camera, "help_camera"],
  [KEYS.share, "help_share"],
  [KEYS.people, "help_people"],
  [KEYS.settings, "help_settings"],
  [KEYS.help, "help_help"],
  ["Esc", "help_close"],
];

interface Props {
  open: boolean;
  onClose: () => void;
  shortcuts: boolean;
  onShortcuts: (enabled: boolean) => void;
}

export function HelpDialog({ open, onClose, shortcuts, onShortcuts }: Props) {
  const t = useTranslate();
  const id = useId();
  return (
    <Dialog open={open} onClose={onClose} title={t("help_title")} name="help">
      <div class="ds-field ao-check">
        <input
          id={id}
          type="checkbox"
          class="ds-input"
          data-testid="shortcuts"
          checked={shortcuts}
          onChange={(event) => onShortcuts(event.currentTarget.checked)}
        />
        <label for={id} class="ds-label" data-weight="regular">
          {t("help_use")}
        </label>
      </div>
      <dl class="ao-keys">
        {ROWS.map(([key, text]) => (
          <div key={key}>
            <dt>
              <kbd>{key.length === 1 ? key.toUpperCase() : key}</kbd>
            </dt>
            <dd>{t(text)}</dd>
          </div>
        ))}
      </dl>
      <h3 class="ds-heading" data-size="2xs">
        {t("help_trouble")}
      </h3>
      <p class="ao-help-text">{t("help_trouble_text")}</p>
    </Dialog>
  );
}
