import type { LocalMedia } from "@alltid-oppet/client";
import { useSources } from "../hooks/useSnapshot";
import { useTranslate } from "../i18n/context";
import { CaptureAlerts } from "../parts/CaptureAlert";
import { DeviceFields } from "../parts/DeviceFields";
import { Preview } from "../parts/Preview";
import { Page } from "./Page";

interface Props {
  media: LocalMedia;
  name: string;
  /** A host has to let one in. */
  mustWait: boolean;
  joining: boolean;
  speakerId: string;
  onSpeaker: (deviceId: string) => void;
  onJoin: () => void;
}

/** The check before the meeting: does the picture come, does the microphone hear, under which name. */
export function PreJoin({ media, name, mustWait, joining, speakerId, onSpeaker, onJoin }: Props) {
  const t = useTranslate();
  const { microphone, camera } = useSources(media);
  const problem = microphone.problem ?? camera.problem;
  return (
    <Page name="prejoin">
      <div class="ao-prejoin">
        <Preview media={media} />
        <section class="ao-prejoin-form">
          <h1 class="ds-heading" data-size="md">
            {t("prejoin_title")}
          </h1>
          <p class="ao-lead">{t("prejoin_intro")}</p>
          <CaptureAlerts media={media} />
          {name && (
            <p class="ao-shown-name">
              {t("prejoin_name")} <strong data-testid="own-name">{name}</strong>
            </p>
          )}
          <div class="ao-fields">
            <DeviceFields media={media} speakerId={speakerId} onSpeaker={onSpeaker} />
          </div>
          {problem && <p class="ao-hint">{t("prejoin_listen_only")}</p>}
          <div class="ao-join-bar">
            <button
              type="button"
              class="ds-button ao-join"
              data-testid="join"
              aria-busy={joining}
              aria-disabled={joining}
              onClick={() => !joining && onJoin()}
            >
              {joining && <span class="ao-spinner" aria-hidden="true" />}
              {t(joining ? "prejoin_joining" : mustWait ? "prejoin_wait" : "prejoin_join")}
            </button>
            {mustWait && <p class="ao-hint">{t("prejoin_wait_hint")}</p>}
          </div>
        </section>
      </div>
    </Page>
  );
}
