/** The companion's routes of bookings as a page sees them: two units, some time types, slots from tomorrow on. */
import type { Booking, FreeSlot, TimeType, Unit } from "../app/src/bookings/types";
import { NOW } from "./now";

const HOUR = 3600;
const DAY = 24 * HOUR;
const iso = (seconds: number): string => new Date(seconds * 1000).toISOString();

export const CARE_UNITS: Unit[] = [
  { hsa_id: "SE1-1001", provider_hsa_id: "SE1", name: "Vårdcentralen Björken", kind: "clinic", phone: "08-123 45 67", address: "Björkgatan 1, 111 11 Exempelstad" },
  { hsa_id: "SE1-1003", provider_hsa_id: "SE1", name: "Exempelstads vaccinationscentral", kind: "vaccination", phone: "08-465 004 40", address: "Torget 4, 111 14 Exempelstad" },
  { hsa_id: "SE1-1101", provider_hsa_id: "SE1", name: "Norra förlossningskliniken", kind: "maternity", phone: null, address: null },
];

export function timeType(id: string, change: Partial<TimeType> = {}): TimeType {
  return {
    time_type_id: id,
    name_sv: "Läkarbesök",
    name_en: "Doctor's visit",
    length_minutes: 30,
    modality: "physical",
    audience: "public",
    dose: null,
    form_id: null,
    successor_id: null,
    valid_from: null,
    valid_until: null,
    patient_may_book: true,
    patient_may_rebook: true,
    patient_may_cancel: true,
    cancel_before_h: 24,
    ...change,
  };
}

export const TIME_TYPES: Record<string, TimeType[]> = {
  "SE1-1001": [
    timeType("tt-video", { name_sv: "Videobesök hos läkare", name_en: "Video visit, doctor", modality: "video", cancel_before_h: 1 }),
    timeType("tt-visit"),
    timeType("tt-phone", { name_sv: "Telefonrådgivning", name_en: "Advice by phone", modality: "phone", length_minutes: 15 }),
    timeType("tt-check", { name_sv: "Provtagning", name_en: "Sampling", audience: "invited", patient_may_cancel: false, patient_may_rebook: false }),
  ],
  "SE1-1003": [timeType("tt-covid", { name_sv: "Covid-19", name_en: "Covid-19", length_minutes: 10, form_id: "form-1" })],
  "SE1-1101": [],
};

export function booking(id: string, starts: number, change: Partial<Booking> = {}): Booking {
  return {
    booking_id: id,
    slot_id: `slot-${id}`,
    unit_hsa_id: "SE1-1001",
    time_type_id: "tt-visit",
    state: "booked",
    starts_at: iso(starts),
    ends_at: iso(starts + HOUR / 2),
    meeting_id: null,
    ...change,
  };
}

export const BOOKINGS: Booking[] = [
  booking("bk-visit", NOW + 3 * DAY),
  booking("bk-video", NOW + HOUR / 6, { time_type_id: "tt-video", meeting_id: "m1" }),
  booking("bk-check", NOW + 8 * DAY, { time_type_id: "tt-check" }),
  booking("bk-missed", NOW - 20 * DAY, { state: "no_show" }),
  booking("bk-was", NOW - 60 * DAY, { state: "fulfilled", time_type_id: "tt-phone" }),
];

export interface Reply {
  status: number;
  json?: unknown;
}

export class FakeBookings {
  list: Booking[] = [...BOOKINGS];
  fees: Record<string, unknown> = { "bk-missed": { kind: "absence", amount_ore: 40_000, is_excused: false } };
  /** Every half hour from 08:00 to 16:00 on ten days from tomorrow. */
  slots: FreeSlot[] = Array.from({ length: 160 }, (_, number) => {
    const starts = Math.floor(NOW / DAY) * DAY + (1 + Math.floor(number / 16)) * DAY + 7 * HOUR + (number % 16) * (HOUR / 2);
    return { slot_id: `sl-${number}`, unit_hsa_id: "SE1-1001", time_type_id: "tt-visit", starts_at: iso(starts), ends_at: iso(starts + HOUR / 2) };
  });
  holds = new Map<string, FreeSlot>();

  /** Undefined: no route of these. */
  reply(method: string, path: string, query: URLSearchParams, body: Record<string, unknown>): Reply | undefined {
    const [kind, id, act] = path.split("/").slice(3);
    if (kind === "units" && !id) return { status: 200, json: CARE_UNITS };
    if (kind === "units" && act === "time-types") return { status: 200, json: TIME_TYPES[id!] };
    if (kind === "slots" && !id) {
      const [first, last] = [query.get("first")!, query.get("last")!];
      return { status: 200, json: this.slots.filter(({ starts_at }) => starts_at.slice(0, 10) >= first && starts_at.slice(0, 10) <= last) };
    }
    if (kind === "holds" && method === "DELETE") {
      this.holds.delete(id!);
      return { status: 204 };
    }
    if (kind === "holds") {
      const slot = this.slots.find((one) => one.slot_id === body["slot_id"])!;
      this.holds.set(`ho-${slot.slot_id}`, slot);
      return { status: 201, json: { hold_id: `ho-${slot.slot_id}`, slot_id: slot.slot_id, starts_at: slot.starts_at, expires_at: iso(NOW + 300) } };
    }
    if (kind !== "bookings") return undefined;
    if (!id && method === "GET") return { status: 200, json: { bookings: this.list } };
    if (!id) {
      const slot = this.holds.get(String(body["hold_id"]))!;
      const made = booking("bk-new", Date.parse(slot.starts_at) / 1000);
      this.list = [...this.list, made];
      return { status: 201, json: made };
    }
    if (act === "fee") return { status: 200, json: this.fees[id] ?? null };
    const slot = this.slots.find((one) => one.slot_id === body["slot_id"]);
    const change: Partial<Booking> = act === "cancel" ? { state: "cancelled" } : { starts_at: slot!.starts_at, ends_at: slot!.ends_at };
    const changed = { ...this.list.find((one) => one.booking_id === id)!, ...change };
    this.list = this.list.map((one) => (one.booking_id === id ? changed : one));
    return { status: 200, json: act === "cancel" ? { ...changed, also_cancelled: [] } : changed };
  }
}
