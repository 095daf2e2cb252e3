import type { LocalMedia } from "@alltid-oppet/client";
import { useSources } from "../hooks/useSnapshot";
import { useTranslate } from "../i18n/context";
import { Icon } from "./Icon";
import { LevelMeter } from "./LevelMeter";
import { SourceButton } from "./SourceButton";
import { Video } from "./Video";

/** One's own picture and sound before anybody else sees or hears them. */
export function Preview({ media }: { media: LocalMedia }) {
  const t = useTranslate();
  const { microphone, camera } = useSources(media);
  return (
    <section class="ao-preview-side" aria-label={t("prejoin_preview")}>
      <div class="ao-preview" data-color-scheme="dark">
        {camera.track ? (
          <Video track={camera.track} source="camera" mirrored />
        ) : (
          <p class="ao-preview-off">
            <Icon name="camera_off" />
            {t(camera.busy ? "camera_starting" : "camera_is_off")}
          </p>
        )}
        <div class="ao-preview-controls">
          <SourceButton
            source="microphone"
            active={microphone.active}
            busy={microphone.busy}
            onToggle={() => void media.toggle("microphone")}
          />
          <SourceButton source="camera" active={camera.active} busy={camera.busy} onToggle={() => void media.toggle("camera")} />
        </div>
      </div>
      <LevelMeter track={microphone.track} active={microphone.active} />
    </section>
  );
}
