import { clock, day, useLanguage } from "@alltid-oppet/meeting";
import { useEffect, useState } from "preact/hooks";
import { useNow } from "../hooks";
import { useText } from "../i18n/texts";
import { useSession } from "../session";
import { Loading } from "../shell/Notice";
import { type BookingApi, SLOTS } from "./api";
import { byDay, isLaterDose, nextFirst, plusDays, seconds } from "./logic";
import { codeText, useBookingText } from "./texts";
import type { FreeSlot, Slot, TimeType } from "./types";
import { dayText, shortDay } from "./when";

/** Days that are asked for at once. */
const DAYS = 27;
/** No later than so many days from now. */
const MAX_DAYS = 180;

interface Props {
  bookings: BookingApi;
  unit: string;
  timeType: TimeType;
  /** A slot that is being asked for. */
  busy: string | null;
  onChoose: (slot: Slot) => void;
}

/** Free times: first a day, then a time of it. */
export function SlotPicker({ bookings, unit, timeType, busy, onChoose }: Props) {
  const t = useText();
  const b = useBookingText();
  const { language } = useLanguage();
  const { refused } = useSession();
  const now = useNow(60);
  const today = day(now);
  const [slots, setSlots] = useState<FreeSlot[] | null>(null);
  /** Up to there all has been asked for: the first day that is not. */
  const [next, setNext] = useState(today);
  const [failed, setFailed] = useState<string | null>(null);
  const [chosen, setChosen] = useState("");
  const [isLoading, setLoading] = useState(false);
  const load = async (first: string, known: FreeSlot[]): Promise<void> => {
    setFailed(null);
    setLoading(true);
    const last = plusDays(first, DAYS);
    try {
      const found = await bookings.slots({ unit, timeTypeId: timeType.time_type_id, first, last, isLaterDose: isLaterDose(timeType) });
      setSlots([...known, ...found]);
      const following = nextFirst(found, last, SLOTS);
      setNext(following > first ? following : plusDays(last, 1));
    } catch (error) {
      setFailed(refused(error).code);
    } finally {
      setLoading(false);
    }
  };
  useEffect(() => void load(today, []), []);
  if (slots === null && failed === null) return <Loading />;
  const days = byDay((slots ?? []).filter((slot) => seconds(slot.starts_at) > now));
  const shown = days.find((one) => one.day === chosen) ?? days[0];
  const noon = (slot: Slot): boolean => clock(language, seconds(slot.starts_at)) < "12:00";
  const atNoon = (date: string): number => Date.parse(`${date}T11:00:00Z`) / 1000;
  const times = (title: "morning" | "afternoon", list: Slot[]) =>
    list.length > 0 && (
      <>
        <h3 class="ap-hint">{b(title)}</h3>
        <ul class="ap-times">
          {list.map((slot) => (
            <li key={slot.slot_id}>
              <button
                type="button"
                class="ds-button"
                data-variant="secondary"
                data-testid="slot"
                data-slot-id={slot.slot_id}
                aria-busy={busy === slot.slot_id}
                aria-disabled={busy !== null}
                onClick={() => onChoose(slot)}
              >
                {clock(language, seconds(slot.starts_at))}
              </button>
            </li>
          ))}
        </ul>
      </>
    );
  return (
    <div class="ap-slots" data-testid="slots" data-days={days.length}>
      <p class="ap-hint" role="status">
        {slots !== null && (days.length > 0 ? b("slots_found", { count: days.length }) : b("slots_none", { day: dayText(language, atNoon(plusDays(next, -1)), now) }))}
      </p>
      {failed && (
        <p class="ds-alert" data-color="warning" role="alert">
          {b(codeText(failed))}
        </p>
      )}
      {days.length > 0 && (
        <fieldset class="ap-radios">
          <legend>{b("day")}</legend>
          <div class="ap-days">
            {days.map((one) => (
              <button key={one.day} type="button" class="ap-day" data-testid="day" data-day={one.day} aria-pressed={one === shown} onClick={() => setChosen(one.day)}>
                {shortDay(language, atNoon(one.day))}
              </button>
            ))}
          </div>
        </fieldset>
      )}
      {(failed !== null || next <= plusDays(today, MAX_DAYS)) && (
        <button type="button" class="ds-button" data-variant="tertiary" data-testid="later" aria-busy={isLoading} aria-disabled={isLoading} onClick={() => isLoading || void load(next, slots ?? [])}>
          {failed === null ? b("later") : t("retry")}
        </button>
      )}
      {shown && (
        <section class="ap-slots" aria-labelledby="times">
          <h2 id="times" class="ds-heading" data-size="2xs">
            {b("times", { day: dayText(language, atNoon(shown.day), now) })}
          </h2>
          {times("morning", shown.slots.filter(noon))}
          {times(
            "afternoon",
            shown.slots.filter((slot) => !noon(slot)),
          )}
        </section>
      )}
    </div>
  );
}
