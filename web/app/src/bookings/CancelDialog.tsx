import { Dialog, useLanguage } from "@alltid-oppet/meeting";
import { useEffect, useRef, useState } from "preact/hooks";
import { now as present } from "../hooks";
import { useSession } from "../session";
import { type BookingApi, newKey } from "./api";
import { seconds } from "./logic";
import { Refusal } from "./parts";
import { useBookingText } from "./texts";
import type { Booking, Unit } from "./types";
import { kronor, useWhen } from "./when";

interface Props {
  /** Null: nothing is asked. */
  booking: Booking | null;
  unit: Unit | undefined;
  bookings: BookingApi;
  onLeave: () => void;
  /** What was done, in words. */
  onCancelled: (said: string) => void;
}

/** Asks once more before a time is cancelled; then says what went with it and what it costs, if anything. */
export function CancelDialog({ booking, unit, bookings, onLeave, onCancelled }: Props) {
  const b = useBookingText();
  const { language } = useLanguage();
  const { refused } = useSession();
  const when = useWhen(present());
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<string | null>(null);
  const key = useRef("");
  useEffect(() => {
    key.current = newKey();
    setFailed(null);
  }, [booking]);
  const cancel = async (): Promise<void> => {
    if (busy || !booking) return;
    setBusy(true);
    setFailed(null);
    try {
      const gone = await bookings.cancel(booking.booking_id, key.current);
      const fee = await bookings.fee(booking.booking_id).catch(() => null);
      const said = [b("cancelled", { when: when(seconds(booking.starts_at)) })];
      for (const one of gone.also_cancelled) said.push(b("cancelled_also", { when: when(seconds(one.starts_at)) }));
      if (fee && !fee.is_excused) said.push(b("cancelled_fee", { amount: kronor(language, fee.amount_ore) }));
      onCancelled(said.join(" "));
    } catch (error) {
      const refusal = refused(error);
      if (!refusal.needsLogin) setFailed(refusal.code);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog open={booking !== null} name="cancel" title={b("cancel_title")} onClose={onLeave}>
      {booking && (
        <p>
          <strong class="ap-first">{when(seconds(booking.starts_at))}</strong>
          {unit && `, ${unit.name}`}
        </p>
      )}
      <p>{b("cancel_text")}</p>
      {failed && <Refusal code={failed} phone={unit?.phone} />}
      <div class="ap-actions">
        <button type="button" class="ds-button" data-testid="confirm-cancel" aria-busy={busy} aria-disabled={busy} onClick={() => void cancel()}>
          {b("cancel_do")}
        </button>
        <button type="button" class="ds-button" data-variant="secondary" onClick={onLeave}>
          {b("cancel_keep")}
        </button>
      </div>
    </Dialog>
  );
}
