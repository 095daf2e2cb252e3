import { Icon, clock, longDay, nearDay, timeRange, useLanguage } from "@alltid-oppet/meeting";
import { useEffect, useState } from "preact/hooks";
import type { MeetingSummary, Session } from "../api";
import { now as present, useLoaded, useNow } from "../hooks";
import { keyFor, useText } from "../i18n/texts";
import { useSession } from "../session";
import { Loading, Notice } from "../shell/Notice";
import { LinkDialog } from "./LinkDialog";

/** So often the list is loaded again while it is looked at: somebody may have come to a waiting room. */
const REFRESH_MS = 20_000;

/** The unit's meetings by day, with the door and the invitations of each. */
export function UnitMeetings({ session }: { session: Session }) {
  const t = useText();
  const { language } = useLanguage();
  const { api, refused } = useSession();
  const now = useNow(20);
  const [inviting, setInviting] = useState<MeetingSummary | null>(null);
  const { loaded, again } = useLoaded(session.commission!.commission_hsa_id, (unasked) => api.meetings(unasked), refused);
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && void again(true), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  const days = loaded.status === "here" ? byDay(loaded.value, language, now) : [];
  return (
    <div class="ap-column" data-testid="unit-meetings" data-loaded={loaded.status}>
      <div class="ap-title-row">
        <div>
          <h1 class="ds-heading" data-size="md">
            {t("unit_meetings")}
          </h1>
          <p class="ap-hint" data-testid="commission-name">
            {session.commission!.name}
          </p>
        </div>
        <div class="ap-refresh">
          {loaded.status === "here" && <span class="ap-hint">{t("unit_refreshed", { time: clock(language, loaded.at) })}</span>}
          <button type="button" class="ds-button" data-variant="secondary" onClick={() => void again()}>
            {t("unit_refresh")}
          </button>
        </div>
      </div>
      {loaded.status === "loading" && <Loading />}
      {loaded.status === "failed" && (
        <Notice
          icon="warning"
          title={t("meetings_failed_title")}
          text={t(keyFor("code_", loaded.error.code, "code_internal"))}
          code={loaded.error.code}
          focus={false}
          level={2}
        >
          <button type="button" class="ds-button" onClick={() => void again()}>
            {t("retry")}
          </button>
        </Notice>
      )}
      {loaded.status === "here" && days.length === 0 && (
        <section class="ap-card ap-empty" data-testid="no-meetings">
          <h2 class="ds-heading" data-size="2xs">
            {t("unit_none_title")}
          </h2>
          <p>{t("unit_none_text")}</p>
        </section>
      )}
      {days.map(({ day, meetings }) => {
        const near = nearDay(meetings[0]!.starts_at, now);
        return (
          <section key={day} aria-label={day}>
            <h2 class="ap-section">
              {near && <strong>{t(near)} </strong>}
              {day}
            </h2>
            <ul class="ap-table">
              {meetings.map((meeting) => (
                <UnitMeeting key={meeting.meeting_id} meeting={meeting} now={now} onInvite={() => setInviting(meeting)} />
              ))}
            </ul>
          </section>
        );
      })}
      <LinkDialog meeting={inviting} onClose={() => setInviting(null)} />
    </div>
  );
}

function UnitMeeting({ meeting, now, onInvite }: { meeting: MeetingSummary; now: number; onInvite: () => void }) {
  const t = useText();
  const { language } = useLanguage();
  const { title, waiting, kind, starts_at, ends_at, opens_at, closes_at } = meeting;
  const open = opens_at <= now && now < closes_at;
  return (
    <li class="ap-row" data-testid="meeting" data-meeting-id={meeting.meeting_id} data-waiting={waiting}>
      <p class="ap-row-clock">{timeRange(language, starts_at, ends_at)}</p>
      <div class="ap-row-what">
        <h3 class="ds-heading" data-size="2xs">
          {title}
        </h3>
        <p class="ap-tags">
          <span class="ap-hint">{t(`kind_${kind}`)}</span>
          {open && <span class="ds-tag" data-color="success">{t(starts_at <= now && now < ends_at ? "meeting_now" : "meeting_open")}</span>}
          {waiting > 0 && (
            <span class="ds-tag" data-color="warning">
              <Icon name="person" />
              {t(waiting === 1 ? "waiting_count_one" : "waiting_count_many", { count: waiting })}
            </span>
          )}
        </p>
      </div>
      <div class="ap-row-actions">
        <button
          type="button"
          class="ds-button"
          data-variant="secondary"
          data-testid="invite"
          aria-label={t("invite_named", { title })}
          onClick={onInvite}
        >
          <Icon name="link" />
          {t("invite")}
        </button>
        <a class="ds-button" data-variant={open ? "primary" : "secondary"} data-testid="open" href={`/meeting/${encodeURIComponent(meeting.meeting_id)}`}>
          {t("meeting_open_staff")}
          <span class="ds-sr-only">: {title}</span>
        </a>
      </div>
    </li>
  );
}

interface Day {
  day: string;
  meetings: MeetingSummary[];
}

/** What one can still come to, by calendar day in Sweden, the nearest first. */
export function byDay(meetings: readonly MeetingSummary[], language: "sv" | "en", now = present()): Day[] {
  const days = new Map<string, MeetingSummary[]>();
  for (const meeting of [...meetings].sort((a, b) => a.starts_at - b.starts_at)) {
    if (meeting.closes_at <= now) continue;
    const day = longDay(language, meeting.starts_at, now);
    days.set(day, [...(days.get(day) ?? []), meeting]);
  }
  return [...days].map(([day, list]) => ({ day, meetings: list }));
}
