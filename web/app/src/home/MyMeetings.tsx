import { nearDay, useLanguage, longDay, timeRange } from "@alltid-oppet/meeting";
import type { MeetingSummary, Session } from "../api";
import { useLoaded, useNow } from "../hooks";
import { keyFor, useText } from "../i18n/texts";
import { CasesCard } from "./CasesCard";
import { MeetingCard } from "./MeetingCard";
import { PersonSwitch } from "./PersonSwitch";
import { Loading, Notice } from "../shell/Notice";
import { useSession } from "../session";

/** A patient's own meetings, or those of the person one is a proxy for. */
export function MyMeetings({ session }: { session: Session }) {
  const t = useText();
  const { api, refused } = useSession();
  const now = useNow(20);
  const { loaded, again } = useLoaded(session.acting_for?.subject ?? "self", () => api.meetings(), refused);
  const other = session.acting_for?.name;
  return (
    <div class="ap-column" data-testid="my-meetings" data-loaded={loaded.status}>
      <h1 class="ds-heading" data-size="md">
        {other ? t("meetings_of", { name: other }) : t("hello", { name: firstName(session.display_name) })}
      </h1>
      <PersonSwitch session={session} />
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
      {loaded.status === "here" && <Meetings meetings={upcoming(loaded.value, now)} now={now} forOther={other !== undefined} />}
      <CasesCard session={session} />
    </div>
  );
}

function Meetings({ meetings, now, forOther }: { meetings: MeetingSummary[]; now: number; forOther: boolean }) {
  const t = useText();
  const { language } = useLanguage();
  const [next, ...later] = meetings;
  if (!next) {
    return (
      <section class="ap-card ap-empty" data-testid="no-meetings">
        <h2 class="ds-heading" data-size="2xs">
          {t("meetings_none_title")}
        </h2>
        <p>{t("meetings_none_text")}</p>
      </section>
    );
  }
  return (
    <>
      <section aria-labelledby="next">
        <h2 id="next" class="ap-section">
          {t(forOther ? "meetings_next_of" : "meetings_next")}
        </h2>
        <MeetingCard meeting={next} now={now} />
      </section>
      {later.length > 0 && (
        <section aria-labelledby="later">
          <h2 id="later" class="ap-section">
            {t("meetings_later")}
          </h2>
          <ul class="ap-later">
            {later.map((meeting) => {
              const near = nearDay(meeting.starts_at, now);
              return (
                <li key={meeting.meeting_id} class="ap-row" data-testid="meeting" data-meeting-id={meeting.meeting_id}>
                  <div>
                    <h3 class="ds-heading" data-size="2xs">
                      {meeting.title}
                    </h3>
                    <p class="ap-hint">{meeting.unit_name}</p>
                  </div>
                  <p class="ap-row-time">
                    {near ? t(near) : longDay(language, meeting.starts_at, now)}
                    <br />
                    {timeRange(language, meeting.starts_at, meeting.ends_at)}
                  </p>
                  {meeting.opens_at <= now && (
                    <a class="ds-button" data-variant="secondary" href={`/meeting/${encodeURIComponent(meeting.meeting_id)}`}>
                      {t("meeting_enter")}
                      <span class="ds-sr-only">: {meeting.title}</span>
                    </a>
                  )}
                </li>
              );
            })}
          </ul>
        </section>
      )}
    </>
  );
}

/** What one can still come to: the nearest first, then what should be over and is still open. */
export function upcoming(meetings: readonly MeetingSummary[], now: number): MeetingSummary[] {
  const late = (meeting: MeetingSummary): number => (meeting.ends_at > now ? 0 : 1);
  const there = meetings.filter((meeting) => meeting.closes_at > now);
  return there.sort((a, b) => late(a) - late(b) || a.starts_at - b.starts_at);
}

export const firstName = (name: string): string => name.trim().split(/\s+/)[0] ?? "";
