import { Icon, clock, longDay, nearDay, timeRange, useLanguage } from "@alltid-oppet/meeting";
import type { MeetingSummary } from "../api";
import { useText } from "../i18n/texts";

/** The meeting that comes next: when, with whom, and the door once it is open. */
export function MeetingCard({ meeting, now }: { meeting: MeetingSummary; now: number }) {
  const t = useText();
  const { language } = useLanguage();
  const open = meeting.opens_at <= now;
  const near = nearDay(meeting.starts_at, now);
  const date = longDay(language, meeting.starts_at, now);
  return (
    <article class="ap-card ap-next" data-open={open} data-testid="meeting" data-meeting-id={meeting.meeting_id}>
      <p class="ap-next-when">
        <Icon name="calendar" />
        <span>
          <strong>{near ? t(near) : date}</strong>
          {near && <span class="ap-next-date">{date}</span>}
        </span>
        <span class="ap-next-time">{timeRange(language, meeting.starts_at, meeting.ends_at)}</span>
      </p>
      <div>
        <h3 class="ds-heading" data-size="xs">
          {meeting.title}
        </h3>
        <p>{meeting.unit_name}</p>
      </div>
      {open ? (
        <a class="ds-button ap-big" data-testid="enter" href={`/meeting/${encodeURIComponent(meeting.meeting_id)}`}>
          <Icon name="camera" />
          {t("meeting_enter")}
        </a>
      ) : (
        <p class="ap-next-opens">
          <Icon name="clock" />
          {t("meeting_opens", { time: clock(language, meeting.opens_at) })}
        </p>
      )}
      {meeting.phone && <p class="ap-hint">{t("meeting_phone", { phone: meeting.phone })}</p>}
    </article>
  );
}
