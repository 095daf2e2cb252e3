import { Icon } from "@alltid-oppet/meeting";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { MeetingSummary, Session } from "../api";
import { PersonSwitch } from "../home/PersonSwitch";
import { useLoaded, useNow } from "../hooks";
import { useText } from "../i18n/texts";
import { useSession } from "../session";
import { Loading, Notice } from "../shell/Notice";
import { type BookingApi, bookingApi } from "./api";
import { BookingCard } from "./BookingCard";
import { CancelDialog } from "./CancelDialog";
import { type Directory, useDirectory } from "./directory";
import { FindTime } from "./FindTime";
import { divided } from "./logic";
import { MoveBooking } from "./MoveBooking";
import { PastBookings } from "./PastBookings";
import { type Step, useStep } from "./step";
import { codeText, useBookingText } from "./texts";
import type { Booking } from "./types";

/** The list of bookings, and the ways from it to a new time or another one. */
export function OwnBookings({ session }: { session: Session }) {
  const b = useBookingText();
  const t = useText();
  const { api, refused } = useSession();
  const bookings = useMemo(() => bookingApi(api), [api]);
  const { step, go, moved } = useStep();
  const { loaded, again } = useLoaded("bookings", (unasked) => bookings.list(unasked), refused);
  const list = loaded.status === "here" ? loaded.value : [];
  const directory = useDirectory(bookings, list);
  /** What has just been done. */
  const [said, setSaid] = useState("");
  const done = (text: string): void => {
    setSaid(text);
    void again();
    go({ at: "list" });
  };
  if (step.at === "new") return <FindTime session={session} bookings={bookings} onBooked={done} onLeave={() => go({ at: "list" })} />;
  if (loaded.status === "loading") return <Loading />;
  if (loaded.status === "failed") {
    return (
      <Notice icon="warning" title={b("failed_title")} text={b(codeText(loaded.error.code))} code={loaded.error.code}>
        <button type="button" class="ds-button" onClick={() => void again()}>
          {t("retry")}
        </button>
      </Notice>
    );
  }
  if (step.at === "move") {
    const booking = list.find((one) => one.booking_id === step.bookingId);
    return <MoveBooking {...{ session, bookings, directory, booking }} onMoved={done} onLeave={() => go({ at: "list" })} />;
  }
  return <BookingList {...{ session, bookings, directory, list, said, go, moved }} onCancelled={done} />;
}

interface ListProps {
  session: Session;
  bookings: BookingApi;
  directory: Directory;
  list: readonly Booking[];
  said: string;
  go: (step: Step) => void;
  moved: boolean;
  onCancelled: (said: string) => void;
}

function BookingList({ session, bookings, directory, list, said, go, moved, onCancelled }: ListProps) {
  const b = useBookingText();
  const heading = useRef<HTMLHeadingElement>(null);
  const [leaving, setLeaving] = useState<Booking | null>(null);
  const now = useNow(20);
  const { coming, past } = divided(list, now);
  const meetings = useMeetings(coming.some((one) => one.meeting_id !== null));
  useEffect(() => {
    if (!moved) return;
    // Once the dialog, if it was one, has given the focus back.
    const frame = requestAnimationFrame(() => heading.current?.focus({ preventScroll: true }));
    return () => cancelAnimationFrame(frame);
  }, [said]);
  const other = session.acting_for?.name;
  return (
    <div class="ap-column ap-narrow" data-testid="my-bookings">
      <div class="ap-title-row">
        <h1 class="ds-heading" data-size="md" ref={heading} tabIndex={-1}>
          {other ? b("title_of", { name: other }) : b("title")}
        </h1>
        <button type="button" class="ds-button" data-testid="new-booking" onClick={() => go({ at: "new" })}>
          <Icon name="calendar" />
          {b("new")}
        </button>
      </div>
      <div role="status" data-testid="said">
        {said && (
          <p class="ds-alert" data-color="success">
            {said}
          </p>
        )}
      </div>
      <PersonSwitch session={session} legend={b("choose_person")} />
      <section aria-labelledby="coming">
        <h2 id="coming" class="ap-section">
          {b("coming")}
        </h2>
        {coming.length === 0 ? (
          <div class="ap-card ap-empty" data-testid="no-bookings">
            <h3 class="ds-heading" data-size="2xs">
              {b("none_title")}
            </h3>
            <p>{other ? b("none_text_of", { name: other }) : b("none_text")}</p>
          </div>
        ) : (
          <ul class="ap-bookings">
            {coming.map((one) => (
              <li key={one.booking_id}>
                <BookingCard
                  booking={one}
                  unit={directory.units.get(one.unit_hsa_id)}
                  timeType={directory.timeTypes.get(one.time_type_id)}
                  meeting={meetings.find((meeting) => meeting.meeting_id === one.meeting_id)}
                  now={now}
                  onMove={() => go({ at: "move", bookingId: one.booking_id })}
                  onCancel={() => setLeaving(one)}
                />
              </li>
            ))}
          </ul>
        )}
      </section>
      <PastBookings {...{ bookings, directory, past, now }} />
      <CancelDialog
        booking={leaving}
        unit={leaving ? directory.units.get(leaving.unit_hsa_id) : undefined}
        bookings={bookings}
        onLeave={() => setLeaving(null)}
        onCancelled={(text) => {
          setLeaving(null);
          onCancelled(text);
        }}
      />
    </div>
  );
}

/** The video meetings, which say when their doors open. Without them the bookings are shown all the same. */
function useMeetings(isWanted: boolean): readonly MeetingSummary[] {
  const { api } = useSession();
  const [meetings, setMeetings] = useState<readonly MeetingSummary[]>([]);
  useEffect(() => {
    if (!isWanted) return;
    let left = false;
    api.meetings(true).then(
      (found) => left || setMeetings(found),
      () => undefined,
    );
    return () => {
      left = true;
    };
  }, [api, isWanted]);
  return meetings;
}
