import type { ReceiveTrack } from "@alltid-oppet/client";
import { useEffect, useRef, useState } from "preact/hooks";
import { useTranslate } from "../i18n/context";

interface Props {
  tracks: readonly ReceiveTrack[];
  speakerId: string;
}

/** Plays every receive slot that can carry sound, whoever is in it; asks for a click where the browser wants one. */
export function Sound({ tracks, speakerId }: Props) {
  const t = useTranslate();
  const root = useRef<HTMLDivElement>(null);
  const [blocked, setBlocked] = useState(false);
  const playAll = (): void => {
    setBlocked(false);
    root.current?.querySelectorAll("audio").forEach((audio) => audio.play().catch(() => setBlocked(true)));
  };
  return (
    <div ref={root} class="ao-sound">
      {tracks.map(({ mid, track }) => (
        <SlotSound key={mid} mid={mid} track={track} speakerId={speakerId} onBlocked={() => setBlocked(true)} />
      ))}
      {blocked && (
        <div class="ao-sound-blocked" role="alert" data-color-scheme="light">
          <span>{t("sound_blocked")}</span>
          <button type="button" class="ds-button" data-testid="start-sound" onClick={playAll}>
            {t("sound_start")}
          </button>
        </div>
      )}
    </div>
  );
}

interface SlotProps {
  mid: string;
  track: MediaStreamTrack;
  speakerId: string;
  onBlocked: () => void;
}

function SlotSound({ mid, track, speakerId, onBlocked }: SlotProps) {
  const ref = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    const audio = ref.current!;
    audio.srcObject = new MediaStream([track]);
    audio.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === "NotAllowedError") onBlocked();
    });
    return () => {
      audio.srcObject = null;
    };
  }, [track]);
  useEffect(() => {
    const audio = ref.current as (HTMLAudioElement & { setSinkId?: (id: string) => Promise<void> }) | null;
    // A loudspeaker that is gone leaves the system's choice in place.
    audio?.setSinkId?.(speakerId).catch(() => undefined);
  }, [speakerId]);
  return <audio ref={ref} autoplay data-testid="audio" data-mid={mid} />;
}
