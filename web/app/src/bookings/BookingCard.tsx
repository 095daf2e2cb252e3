import { Icon, longDay, nearDay, timeRange, useLanguage } from "@alltid-oppet/meeting";
import type { MeetingSummary } from "../api";
import { useText } from "../i18n/texts";
import { calendarPath } from "./api";
import { changeUntil, mayChange, seconds } from "./logic";
import { CallUnit } from "./parts";
import { useBookingText } from "./texts";
import type { Booking, TimeType, Unit } from "./types";
import { useWhen } from "./when";

interface Props {
  booking: Booking;
  unit: Unit | undefined;
  timeType: TimeType | undefined;
  /** Of a video visit, once the front knows it. */
  meeting: MeetingSummary | undefined;
  now: number;
  onMove: () => void;
  onCancel: () => void;
}

/** A time to come: when, what, where, and what one can do with it. */
export function BookingCard({ booking, unit, timeType, meeting, now, onMove, onCancel }: Props) {
  const t = useText();
  const b = useBookingText();
  const { language } = useLanguage();
  const when = useWhen(now);
  const starts = seconds(booking.starts_at);
  const near = nearDay(starts, now);
  const date = longDay(language, starts, now);
  const name = (timeType && (language === "sv" ? timeType.name_sv : timeType.name_en)) ?? b("visit");
  const of = <span class="ds-sr-only">: {`${name}, ${when(starts)}`}</span>;
  const [rebook, cancel] = [mayChange(booking, timeType, "rebook", now), mayChange(booking, timeType, "cancel", now)];
  return (
    <article class="ap-card" data-testid="booking" data-booking-id={booking.booking_id} data-state={booking.state}>
      <p class="ap-next-when">
        <Icon name="calendar" />
        <span>
          <strong>{near ? t(near) : date}</strong>
          {near && <span class="ap-next-date">{date}</span>}
        </span>
        <span class="ap-next-time">{timeRange(language, starts, seconds(booking.ends_at))}</span>
      </p>
      <div>
        <h3 class="ds-heading" data-size="xs">
          {name}
        </h3>
        {unit && <p>{unit.name}</p>}
        {timeType && (
          <p class="ap-hint">
            {b(`modality_${timeType.modality}`)}
            {timeType.modality === "physical" && unit?.address && `, ${unit.address}`}
          </p>
        )}
        {timeType?.modality === "phone" && <p class="ap-hint">{b("phone_calls")}</p>}
      </div>
      {meeting &&
        (meeting.opens_at <= now ? (
          <a class="ds-button" data-testid="enter" href={`/meeting/${encodeURIComponent(meeting.meeting_id)}`}>
            <Icon name="camera" />
            {b("enter")}
          </a>
        ) : (
          <p class="ap-hint">{b("opens", { when: when(meeting.opens_at) })}</p>
        ))}
      <div class="ap-actions">
        {rebook === "yes" && (
          <button type="button" class="ds-button" data-variant="secondary" data-testid="move" onClick={onMove}>
            {b("move")}
            {of}
          </button>
        )}
        {cancel === "yes" && (
          <button type="button" class="ds-button" data-variant="secondary" data-testid="cancel" onClick={onCancel}>
            {b("cancel")}
            {of}
          </button>
        )}
        <a class="ds-button" data-variant="tertiary" data-testid="calendar" href={calendarPath(booking.booking_id)} download>
          {b("calendar")}
          {of}
        </a>
      </div>
      {rebook === "yes" || cancel === "yes" ? (
        timeType && timeType.cancel_before_h !== null && <p class="ap-hint">{b("change_until", { when: when(changeUntil(booking, timeType)) })}</p>
      ) : (
        <p class="ap-hint" data-testid="no-change">
          {b(cancel === "late" ? "late" : "unit_only")} <CallUnit phone={unit?.phone} />
        </p>
      )}
    </article>
  );
}
