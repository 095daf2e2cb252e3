/** What the companion's routes of bookings answer (docs/companion.md). Instants are ISO 8601. */
export type BookingState = "booked" | "arrived" | "fulfilled" | "cancelled" | "no_show";

export interface Booking {
  booking_id: string;
  slot_id: string;
  unit_hsa_id: string;
  time_type_id: string;
  state: BookingState;
  starts_at: string;
  ends_at: string;
  /** Of a video visit. */
  meeting_id: string | null;
}

export interface Cancelled extends Booking {
  /** Later doses that went with it. */
  also_cancelled: Booking[];
}

export interface Unit {
  hsa_id: string;
  provider_hsa_id: string;
  name: string;
  kind: "clinic" | "vaccination" | "maternity";
  phone: string | null;
  address: string | null;
}

export interface TimeType {
  time_type_id: string;
  name_sv: string;
  name_en: string;
  length_minutes: number;
  modality: "video" | "physical" | "phone" | "chat";
  audience: "public" | "invited";
  /** The number of the dose; null: no dose, or the first. */
  dose: number | null;
  /** A declaration that must be answered before. */
  form_id: string | null;
  successor_id: string | null;
  /** The first and the last day on which it is valid; null: no limit. */
  valid_from: string | null;
  valid_until: string | null;
  patient_may_book: boolean;
  patient_may_rebook: boolean;
  patient_may_cancel: boolean;
  /** Patients move and cancel until so many hours before; null: the service's default, which the server knows. */
  cancel_before_h: number | null;
}

export interface Slot {
  slot_id: string;
  unit_hsa_id: string;
  starts_at: string;
}

export interface FreeSlot extends Slot {
  time_type_id: string;
  ends_at: string;
}

export interface Hold {
  hold_id: string;
  slot_id: string;
  starts_at: string;
  expires_at: string;
}

export interface Fee {
  kind: "late_cancellation" | "absence";
  /** In öre. */
  amount_ore: number;
  is_excused: boolean;
}
