import type { ParticipantView } from "@alltid-oppet/client";
import { useTranslate } from "../i18n/context";
import { Icon } from "../parts/Icon";
import { QualityMark } from "../parts/QualityMark";
import { Video } from "../parts/Video";
import type { Box } from "../layout/grid";

interface Props {
  participant: ParticipantView;
  size?: Box | undefined;
}

/** One person: the picture, or the initials when there is none, with name, microphone and connection. */
export function Tile({ participant, size }: Props) {
  const t = useTranslate();
  const { display_name: name, state, sources, isSelf, speaking, quality, tracks } = participant;
  const lost = state === "lost" && !isSelf;
  return (
    <li
      class="ao-tile"
      style={size && { inlineSize: `${size.width}px`, blockSize: `${size.height}px` }}
      data-testid="tile"
      data-participant-id={participant.participant_id}
      data-self={isSelf}
      data-state={state}
      data-speaking={speaking}
      data-microphone={sources.microphone}
      data-camera={sources.camera}
      data-screen={sources.screen}
    >
      <span class="ao-initials" aria-hidden="true">
        {initials(name)}
      </span>
      {sources.camera && tracks.camera && !lost && <Video track={tracks.camera} source="camera" mirrored={isSelf} />}
      {lost && <span class="ao-tile-note">{t("reconnecting_person")}</span>}
      <span class="ao-tile-caption">
        {!sources.microphone && (
          <span class="ao-tile-muted" role="img" aria-label={t("muted")}>
            <Icon name="microphone_off" />
          </span>
        )}
        <span class="ao-tile-name">{isSelf ? t("you_named", { name }) : name}</span>
        {speaking && <span class="ds-sr-only">{t("speaking")}</span>}
        <QualityMark quality={quality} />
      </span>
    </li>
  );
}

export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0]!, words.at(-1)!] : words;
  return letters.map((word) => [...word][0]!.toLocaleUpperCase()).join("") || "?";
}
