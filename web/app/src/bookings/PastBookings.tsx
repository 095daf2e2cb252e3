import { longDay, timeRange, useLanguage } from "@alltid-oppet/meeting";
import { useEffect, useState } from "preact/hooks";
import type { BookingApi } from "./api";
import type { Directory } from "./directory";
import { seconds } from "./logic";
import { useBookingText } from "./texts";
import type { Booking, Fee } from "./types";
import { kronor } from "./when";

/** So many are shown. */
const SHOWN = 30;

interface Props {
  bookings: BookingApi;
  directory: Directory;
  past: readonly Booking[];
  now: number;
}

/** What is over or cancelled, when somebody wants to see it. */
export function PastBookings({ bookings, directory, past, now }: Props) {
  const b = useBookingText();
  const { language } = useLanguage();
  const [isOpen, setOpen] = useState(false);
  return (
    <section class="ap-past">
      <button type="button" class="ds-button" data-variant="tertiary" data-testid="show-past" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {b(isOpen ? "hide_past" : "show_past")}
      </button>
      {isOpen && (
        <>
          <h2 class="ds-sr-only">{b("past")}</h2>
          {past.length === 0 && <p class="ap-hint">{b("past_none")}</p>}
          {past.length > 0 && (
            <ul class="ap-later">
              {past.slice(0, SHOWN).map((one) => {
                const timeType = directory.timeTypes.get(one.time_type_id);
                return (
                  <li key={one.booking_id} class="ap-row" data-testid="past-booking" data-booking-id={one.booking_id} data-state={one.state}>
                    <div>
                      <h3 class="ds-heading" data-size="2xs">
                        {(timeType && (language === "sv" ? timeType.name_sv : timeType.name_en)) ?? b("visit")}
                      </h3>
                      <p class="ap-hint">{directory.units.get(one.unit_hsa_id)?.name}</p>
                    </div>
                    <p class="ap-row-time">
                      {longDay(language, seconds(one.starts_at), now)}
                      <br />
                      {timeRange(language, seconds(one.starts_at), seconds(one.ends_at))}
                    </p>
                    <p>
                      <strong>{b(`state_${one.state}`)}</strong>
                      {one.state === "no_show" && <FeeOf booking={one} bookings={bookings} />}
                    </p>
                  </li>
                );
              })}
            </ul>
          )}
        </>
      )}
    </section>
  );
}

/** What a missed visit came to cost. */
function FeeOf({ booking, bookings }: { booking: Booking; bookings: BookingApi }) {
  const b = useBookingText();
  const { language } = useLanguage();
  const [fee, setFee] = useState<Fee | null>(null);
  useEffect(() => {
    let left = false;
    bookings.fee(booking.booking_id).then(
      (found) => left || setFee(found),
      () => undefined,
    );
    return () => {
      left = true;
    };
  }, [bookings, booking.booking_id]);
  if (!fee) return null;
  return (
    <>
      <br />
      {fee.is_excused ? b("fee_excused") : b("fee_is", { amount: kronor(language, fee.amount_ore) })}
    </>
  );
}
