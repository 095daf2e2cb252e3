import { useEffect, useState } from "preact/hooks";
import { useLevel } from "../hooks/useLevel";
import { useTranslate } from "../i18n/context";

/** Above this the microphone has surely picked up a voice, not just the room. */
const HEARD = 35;

/** Shows that the microphone hears something; says so once in words. */
export function LevelMeter({ track, active }: { track: MediaStreamTrack | null; active: boolean }) {
  const t = useTranslate();
  const level = useLevel(active ? track : null);
  const [heard, setHeard] = useState(false);
  useEffect(() => setHeard(false), [track]);
  useEffect(() => {
    if (level > HEARD) setHeard(true);
  }, [level]);
  return (
    <div class="ao-level">
      <div
        class="ao-level-track"
        role="meter"
        aria-label={t("level")}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={level}
        data-testid="level"
      >
        <div class="ao-level-bar" style={{ inlineSize: `${level}%` }} />
      </div>
      <p class="ao-level-text" role="status">
        {t(!active ? "level_off" : heard ? "level_heard" : "level_hint")}
      </p>
    </div>
  );
}
