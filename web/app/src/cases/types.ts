/** What the routes of cases and units carry (docs/http.md). Times are seconds since 1970. */
import type { ChatEvent } from "@alltid-oppet/client";
import type { UnitBoard, WeekHours } from "@alltid-oppet/chat";

export type CaseState = "new" | "assigned" | "awaiting_staff" | "awaiting_patient" | "closed" | "reopened";

export interface Case {
  /** Also the id of its conversation. */
  case_id: string;
  provider_hsa_id: string;
  unit_hsa_id: string;
  subject: string;
  state: CaseState;
  opened_at: number;
  changed_at: number;
  /** By when the unit has promised an answer, while it owes one. */
  answer_by: number | null;
  reopen_until: number | null;
  /** So long a case can be reopened after it is closed; 0: it cannot. */
  reopen_within_s: number;
  version: number;
  is_unread: boolean;
  /** Its words are in the archive alone: there is no subject here. */
  is_archived: boolean;
  /** From here on for staff only. */
  patient: string | null;
  /** Null in lists where the identity is protected. */
  patient_name: string | null;
  is_protected: boolean | null;
  assignee: string | null;
  assignee_name: string | null;
  is_mine: boolean | null;
  notes_id: string | null;
}

export interface CasePage {
  cases: Case[];
  next_offset: number | null;
}

export interface Unit extends UnitBoard {
  provider_hsa_id: string;
  unit_hsa_id: string;
  name: string;
  takes_cases: boolean;
  phone: string;
  hours: { weekly: WeekHours };
}

export interface Colleague {
  hsa_id: string;
  name: string;
}

export interface NewCase {
  provider_hsa_id: string;
  unit_hsa_id: string;
  subject: string;
  client_id: string;
  /** Staff: for whom. */
  patient?: string;
}

/** A patient as staff find them by identity number. */
export interface FoundPatient {
  person_id: string;
  /** Shortened or masked for a unit that has no care relation. */
  name: string;
  birth_date: string | null;
  is_protected: boolean;
  has_care_relation: boolean;
}

/** A closed case in the archive, or its notes (docs/companion.md). */
export interface ArchivedCase {
  conversation_id: string;
  case_id: string;
  title: string;
  /** ISO 8601. */
  archived_at: string;
}

export interface ArchivedEvent {
  seq: number;
  at_ms: number;
  kind: ChatEvent["kind"];
  author_name: string;
  author_role: ChatEvent["author_role"];
  is_own: boolean;
  target: number;
  body: Record<string, unknown>;
  is_withdrawn: boolean;
}

export interface ArchivedPage {
  case: ArchivedCase;
  events: ArchivedEvent[];
  corrections: { entry_part: number | null; state: "corrected" | "noted"; text: string }[];
  next_after: number | null;
}
