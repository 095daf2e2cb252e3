/** What follows from bookings and time types. Pure: the present is an argument. */
import { day } from "@alltid-oppet/meeting";
import type { Booking, FreeSlot, Slot, TimeType, Unit } from "./types";

const HOUR_S = 3600;
const DAY_MS = 24 * HOUR_S * 1000;

/** Seconds since 1970. */
export const seconds = (instant: string): number => Date.parse(instant) / 1000;

/** What is to come, the nearest first, and what is over or cancelled, the latest first. */
export function divided(bookings: readonly Booking[], now: number): { coming: Booking[]; past: Booking[] } {
  const isComing = ({ state, ends_at }: Booking): boolean => (state === "booked" || state === "arrived") && seconds(ends_at) > now;
  const byStart = (a: Booking, b: Booking): number => seconds(a.starts_at) - seconds(b.starts_at);
  return {
    coming: bookings.filter(isComing).sort(byStart),
    past: bookings.filter((one) => !isComing(one)).sort((a, b) => byStart(b, a)),
  };
}

export type Change = "rebook" | "cancel";

/**
 * Whether a patient may move or cancel it: `yes`, `late` (so they call), or `unit` (only the unit may). Without the time
 * type it is left to the server.
 */
export function mayChange(booking: Booking, timeType: TimeType | undefined, change: Change, now: number): "yes" | "late" | "unit" {
  if (booking.state !== "booked") return "unit";
  if (timeType && !(change === "cancel" ? timeType.patient_may_cancel : timeType.patient_may_rebook)) return "unit";
  return now > changeUntil(booking, timeType) ? "late" : "yes";
}

/** Until when a patient may move or cancel it, in seconds; its start when the time type has no limit of its own. */
export const changeUntil = (booking: Booking, timeType: TimeType | undefined): number =>
  seconds(booking.starts_at) - (timeType?.cancel_before_h ?? 0) * HOUR_S;

/** What patients may book by themselves on some day from now on. */
export function bookable(timeTypes: readonly TimeType[], now: number): TimeType[] {
  return timeTypes.filter(
    ({ audience, patient_may_book, valid_until }) => audience === "public" && patient_may_book && (valid_until === null || valid_until >= day(now)),
  );
}

export const isLaterDose = ({ dose }: TimeType): boolean => dose !== null && dose > 1;

/** Calendar days later: "2026-11-30" and 2 give "2026-12-02". */
export const plusDays = (date: string, days: number): string => new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);

export interface SlotDay {
  day: string;
  slots: Slot[];
}

/** Slots by the Swedish day, in order; each once. */
export function byDay(slots: readonly Slot[]): SlotDay[] {
  const days = new Map<string, Map<string, Slot>>();
  for (const slot of [...slots].sort((a, b) => seconds(a.starts_at) - seconds(b.starts_at))) {
    const key = day(seconds(slot.starts_at));
    const known = days.get(key) ?? new Map<string, Slot>();
    days.set(key, known.set(slot.slot_id, slot));
  }
  return [...days].map(([key, found]) => ({ day: key, slots: [...found.values()] }));
}

/** What a full answer leaves out begins on the day of its last slot; else after `last`. */
export function nextFirst(found: readonly FreeSlot[], last: string, most: number): string {
  const end = found.at(-1);
  return end && found.length >= most ? day(seconds(end.starts_at)) : plusDays(last, 1);
}

/** So many units are shown at once. */
export const UNITS_SHOWN = 8;

/** The units whose names have all the words; the chosen one is always among those that are shown. */
export function foundUnits(units: readonly Unit[], query: string, chosen: string): { shown: Unit[]; count: number } {
  const words = query.toLocaleLowerCase("sv").split(/\s+/).filter(Boolean);
  const found = units.filter(({ name }) => words.every((word) => name.toLocaleLowerCase("sv").includes(word)));
  const shown = found.slice(0, UNITS_SHOWN);
  const mine = units.find((unit) => unit.hsa_id === chosen);
  if (mine && !shown.includes(mine)) shown.unshift(mine);
  return { shown, count: found.length };
}
