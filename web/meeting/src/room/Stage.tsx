import type { ParticipantView, WantedSource } from "@alltid-oppet/client";
import { useEffect, useRef } from "preact/hooks";
import { useHidden } from "../hooks/useHidden";
import { useSize } from "../hooks/useSize";
import { useTranslate } from "../i18n/context";
import { arrange } from "../layout/arrange";
import { type Box, capacity, gridFor } from "../layout/grid";
import { wantedSources } from "../layout/wanted";
import { Video } from "../parts/Video";
import { Tile } from "./Tile";

const GAP = 8;
/** A window that is being drawn larger asks once, when it rests. */
const SETTLE_MS = 200;

interface Props {
  participants: readonly ParticipantView[];
  onShowPeople: () => void;
  /** Which videos are on the screen now, and how large; and whether the page is in the background. */
  onWanted: (wanted: WantedSource[], hidden: boolean) => void;
}

/** All pictures: a grid, or a shared screen with a strip of people beside it. */
export function Stage({ participants, onShowPeople, onWanted }: Props) {
  const t = useTranslate();
  const [ref, area] = useSize<HTMLUListElement>();
  const arrangement = arrange(participants, area.width > 0 ? capacity(area, GAP) : Infinity);
  const { screen, tiles, corner, hidden } = arrangement;
  const alone = participants.length === 1 && participants[0]!.isSelf;
  const count = tiles.length + (hidden > 0 ? 1 : 0);
  const size: Box | undefined = area.width > 0 ? gridFor(count, area, GAP).tile : undefined;
  const wanted = size ? wantedSources(arrangement, size.width * devicePixelRatio) : null;
  const latest = useRef(wanted);
  latest.current = wanted;
  const unseen = useHidden();
  useEffect(() => {
    const timer = setTimeout(() => latest.current && onWanted(latest.current, unseen), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [JSON.stringify(wanted), unseen]);
  return (
    <div class="ao-stage" data-screen={screen !== null}>
      {screen && (
        <figure class="ao-shared" data-testid="shared-screen" data-participant-id={screen.participant_id}>
          <Video track={screen.tracks.screen!} source="screen" />
          <figcaption>{t("screen_of", { name: screen.display_name })}</figcaption>
        </figure>
      )}
      <ul class="ao-grid" ref={ref} aria-label={t("room_videos")} data-testid="grid" data-count={count}>
        {tiles.map((participant) => (
          <Tile key={participant.participant_id} participant={participant} size={size} />
        ))}
        {hidden > 0 && (
          <li class="ao-tile ao-tile-more" style={size && { inlineSize: `${size.width}px`, blockSize: `${size.height}px` }}>
            <button type="button" aria-label={t("more_people_show", { count: hidden })} onClick={onShowPeople}>
              {t("more_people", { count: hidden })}
            </button>
          </li>
        )}
      </ul>
      {corner && (
        <ul class="ao-corner" aria-label={t("you")}>
          <Tile participant={corner} />
        </ul>
      )}
      {alone && (
        <div class="ao-alone" data-testid="alone">
          <strong>{t("alone_title")}</strong>
          <span>{t("alone_text")}</span>
        </div>
      )}
    </div>
  );
}
