import { useTranslate } from "../i18n/context";
import { Icon, type IconName } from "./Icon";

interface Props {
  source: "microphone" | "camera";
  active: boolean;
  busy?: boolean;
  shortcut?: string;
  onToggle: () => void;
}

/** Microphone or camera on (pressed) or off. */
export function SourceButton({ source, active, busy = false, shortcut, onToggle }: Props) {
  const t = useTranslate();
  const icon: IconName = active ? source : `${source}_off`;
  return (
    <button
      type="button"
      class="ao-control"
      data-testid={`toggle-${source}`}
      data-active={active}
      aria-pressed={active}
      aria-busy={busy}
      aria-keyshortcuts={shortcut}
      onClick={onToggle}
    >
      <Icon name={icon} />
      <span class="ao-control-label">{t(`${source}_short`)}</span>
    </button>
  );
}
