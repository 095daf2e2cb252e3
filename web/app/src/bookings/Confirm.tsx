import { clock, timeRange, useLanguage } from "@alltid-oppet/meeting";
import { useEffect, useRef } from "preact/hooks";
import type { Session } from "../api";
import { seconds } from "./logic";
import { Refusal } from "./parts";
import { useBookingText } from "./texts";
import type { Hold, TimeType, Unit } from "./types";
import { dayText } from "./when";

interface Props {
  session: Session;
  hold: Hold;
  unit: Unit;
  timeType: TimeType;
  now: number;
  busy: boolean;
  failed: string | null;
  onBook: () => void;
  onBack: () => void;
}

/** All of it once more, while the place is held. */
export function Confirm({ session, hold, unit, timeType, now, busy, failed, onBook, onBack }: Props) {
  const b = useBookingText();
  const { language } = useLanguage();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  const starts = seconds(hold.starts_at);
  return (
    <div class="ap-column ap-narrow" data-testid="confirm">
      <div>
        <h1 class="ds-heading" data-size="md" ref={heading} tabIndex={-1}>
          {b("confirm_title")}
        </h1>
        <p class="ap-lead">{b("held_until", { time: clock(language, seconds(hold.expires_at)) })}</p>
      </div>
      <dl class="ap-card ap-facts">
        <dt>{b("when")}</dt>
        <dd>
          <strong class="ap-first">
            {dayText(language, starts, now)}, {timeRange(language, starts, starts + timeType.length_minutes * 60)}
          </strong>
        </dd>
        <dt>{b("what")}</dt>
        <dd>
          {language === "sv" ? timeType.name_sv : timeType.name_en} ({b(`modality_${timeType.modality}`)})
        </dd>
        <dt>{b("where")}</dt>
        <dd>
          {unit.name}
          {timeType.modality === "physical" && unit.address && (
            <>
              <br />
              {unit.address}
            </>
          )}
        </dd>
        <dt>{b("for_whom")}</dt>
        <dd>{session.acting_for?.name ?? session.display_name}</dd>
      </dl>
      {failed && <Refusal code={failed} phone={unit.phone} />}
      <div class="ap-actions">
        <button type="button" class="ds-button ap-big" data-testid="book" aria-busy={busy} aria-disabled={busy} onClick={onBook}>
          {b("book")}
        </button>
        <button type="button" class="ds-button" data-variant="secondary" data-testid="other-time" onClick={onBack}>
          {b("other_time")}
        </button>
      </div>
      <p class="ap-hint">{b("absence")}</p>
    </div>
  );
}
