import type { LocalMedia } from "@alltid-oppet/client";
import { useTranslate } from "../i18n/context";
import { CaptureAlerts } from "../parts/CaptureAlert";
import { DeviceFields } from "../parts/DeviceFields";
import { LanguageSelect } from "../parts/LanguageSelect";
import { LevelMeter } from "../parts/LevelMeter";
import { useSources } from "../hooks/useSnapshot";
import { Dialog } from "./Dialog";

interface Props {
  open: boolean;
  onClose: () => void;
  media: LocalMedia;
  speakerId: string;
  onSpeaker: (deviceId: string) => void;
}

/** Devices and language, during the meeting. */
export function SettingsDialog({ open, onClose, media, speakerId, onSpeaker }: Props) {
  const t = useTranslate();
  const { microphone } = useSources(media);
  return (
    <Dialog open={open} onClose={onClose} title={t("settings_title")} name="settings">
      <div class="ao-fields">
        <CaptureAlerts media={media} />
        <DeviceFields media={media} speakerId={speakerId} onSpeaker={onSpeaker} />
        <LevelMeter track={microphone.track} active={microphone.active} />
        <LanguageSelect />
      </div>
      <button type="button" class="ds-button ao-dialog-done" onClick={onClose}>
        {t("done")}
      </button>
    </Dialog>
  );
}
