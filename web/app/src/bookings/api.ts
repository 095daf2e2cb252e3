/** The companion's routes of bookings, below `/api/care`. */
import type { Api, ApiError } from "../api";
import type { Booking, Cancelled, Fee, FreeSlot, Hold, Slot, TimeType, Unit } from "./types";

/** So many slots are asked for at once, the most that there are in an answer. */
export const SLOTS = 500;

export interface SlotQuery {
  unit: string;
  timeTypeId: string;
  /** Local days, both included. */
  first: string;
  last: string;
  /** Second doses have slots of their own. */
  isLaterDose: boolean;
}

export interface BookingApi {
  /** `unasked`: the page asks by itself, which is no use of the session. */
  list(unasked?: boolean): Promise<Booking[]>;
  /** `key`: the same act with the same key happens once. */
  cancel(bookingId: string, key: string): Promise<Cancelled>;
  rebook(bookingId: string, slotId: string, key: string): Promise<Booking>;
  fee(bookingId: string): Promise<Fee | null>;
  units(): Promise<Unit[]>;
  timeTypes(unit: string): Promise<TimeType[]>;
  slots(query: SlotQuery): Promise<FreeSlot[]>;
  hold(slotId: string, key: string): Promise<Hold>;
  letGo(holdId: string): Promise<void>;
  book(holdId: string, key: string): Promise<Booking>;
}

const CARE = "/api/care";

export function bookingApi(api: Api): BookingApi {
  const one = (bookingId: string): string => `${CARE}/bookings/${encodeURIComponent(bookingId)}`;
  const once = <Reply>(path: string, body: unknown, key: string): Promise<Reply> => api.request("POST", path, body, false, { "Idempotency-Key": key });
  return {
    list: async (unasked) => (await api.request<{ bookings: Booking[] }>("GET", `${CARE}/bookings`, undefined, unasked)).bookings,
    cancel: (bookingId, key) => once(`${one(bookingId)}/cancel`, { reason: "patient_asked" }, key),
    rebook: (bookingId, slotId, key) => once(`${one(bookingId)}/rebook`, { slot_id: slotId }, key),
    fee: (bookingId) => api.request("GET", `${one(bookingId)}/fee`),
    units: () => api.request("GET", `${CARE}/units`),
    timeTypes: (unit) => api.request("GET", `${CARE}/units/${encodeURIComponent(unit)}/time-types`),
    slots: ({ unit, timeTypeId, first, last, isLaterDose }) => {
      const query = new URLSearchParams({ unit, time_type_id: timeTypeId, first, last, limit: String(SLOTS) });
      if (isLaterDose) query.set("purpose", "dose_2");
      return api.request("GET", `${CARE}/slots?${query}`);
    },
    hold: (slotId, key) => once(`${CARE}/holds`, { slot_id: slotId }, key),
    letGo: (holdId) => api.request("DELETE", `${CARE}/holds/${encodeURIComponent(holdId)}`),
    book: (holdId, key) => once(`${CARE}/bookings`, { hold_id: holdId }, key),
  };
}

/** A new `Idempotency-Key`. */
export const newKey = (): string => crypto.randomUUID();

/** Where a booking is as an iCalendar file. */
export const calendarPath = (bookingId: string): string => `${CARE}/bookings/${encodeURIComponent(bookingId)}/calendar`;

/** The times that the server offers in the place of one that is gone. */
export function alternativesOf(error: ApiError): Slot[] {
  const told = error.problem["alternatives"];
  return Array.isArray(told) ? (told as Slot[]) : [];
}
