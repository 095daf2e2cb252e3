import { Dialog, Icon, useLanguage } from "@alltid-oppet/meeting";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Session } from "../api";
import { useNow } from "../hooks";
import { type BookingApi, newKey } from "./api";
import type { Directory } from "./directory";
import { seconds } from "./logic";
import { Refusal } from "./parts";
import { SlotPicker } from "./SlotPicker";
import { Taken } from "./Taken";
import { useBookingText } from "./texts";
import type { Booking, Slot } from "./types";
import { useSlotAct } from "./useSlotAct";
import { useWhen } from "./when";

interface Props {
  session: Session;
  bookings: BookingApi;
  directory: Directory;
  /** Undefined: it is not on the list any more. */
  booking: Booking | undefined;
  /** What was done, in words. */
  onMoved: (said: string) => void;
  onLeave: () => void;
}

/** Another time for a visit of the same kind at the same unit; the old one stays until the new one is taken. */
export function MoveBooking({ session, bookings, directory, booking, onMoved, onLeave }: Props) {
  const b = useBookingText();
  const { language } = useLanguage();
  const now = useNow(20);
  const when = useWhen(now);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  const [chosen, setChosen] = useState<Slot | null>(null);
  const [round, setRound] = useState(0);
  const key = useRef("");
  const act = useSlotAct();
  const unit = booking && directory.units.get(booking.unit_hsa_id);
  const timeType = booking && directory.timeTypes.get(booking.time_type_id);
  const choose = (slot: Slot): void => {
    key.current = newKey();
    act.clear();
    setChosen(slot);
  };
  const move = (from: Booking, slot: Slot): void =>
    void act.run(
      slot.slot_id,
      async () => {
        const moved = await bookings.rebook(from.booking_id, slot.slot_id, key.current);
        onMoved(b("moved", { when: when(seconds(moved.starts_at)) }));
      },
      ({ code }) => {
        if (code !== "slot_taken") return;
        setChosen(null);
        setRound(round + 1);
      },
    );
  return (
    <div class="ap-column ap-narrow" data-testid="move-booking">
      <div>
        <button type="button" class="ds-button ap-back" data-variant="tertiary" data-testid="back" onClick={onLeave}>
          <Icon name="previous" />
          {b("back")}
        </button>
        <h1 class="ds-heading" data-size="md" ref={heading} tabIndex={-1}>
          {b("move_title")}
        </h1>
        {booking && (
          <p class="ap-lead">
            {timeType && `${language === "sv" ? timeType.name_sv : timeType.name_en}, `}
            {unit && `${unit.name}. `}
            {b("move_from", { when: when(seconds(booking.starts_at)) })}
          </p>
        )}
        {session.acting_for && (
          <p class="ap-hint">
            {b("for_whom")}: {session.acting_for.name}
          </p>
        )}
      </div>
      {!booking && <p role="alert">{b("move_missing")}</p>}
      {act.taken && <Taken alternatives={act.taken} now={now} busy={act.busy} onChoose={choose} />}
      {booking && timeType && (
        <SlotPicker key={round} bookings={bookings} unit={booking.unit_hsa_id} timeType={timeType} busy={act.busy} onChoose={choose} />
      )}
      <Dialog open={chosen !== null} name="move" title={b("move_confirm")} onClose={() => setChosen(null)}>
        {chosen && booking && (
          <>
            <p>
              <strong class="ap-first">{when(seconds(chosen.starts_at))}</strong>
            </p>
            <p>{b("move_keeps")}</p>
            {act.failed && <Refusal code={act.failed} phone={unit?.phone} />}
            <div class="ap-actions">
              <button
                type="button"
                class="ds-button"
                data-testid="confirm-move"
                aria-busy={act.busy !== null}
                aria-disabled={act.busy !== null}
                onClick={() => move(booking, chosen)}
              >
                {b("move_do")}
              </button>
              <button type="button" class="ds-button" data-variant="secondary" onClick={() => setChosen(null)}>
                {b("other_time")}
              </button>
            </div>
          </>
        )}
      </Dialog>
    </div>
  );
}
