/** Cases, units and colleagues for the pages, invented. */
import type { ArchivedEvent, ArchivedPage, Case, Colleague, Unit } from "../app/src/cases/types";
import { type FakeChat, OWN, event } from "./fake_chat";
import { NOW } from "./now";

const HOUR = 3600;
export const PROVIDER = "SE2321000131-V1";
export const UNIT = "SE2321000131-U1";

export const caseId = (letter: string): string => `case-${letter.repeat(26)}`;

const WEEKDAY = [{ opens: "08:00", closes: "17:00" }];

export function unit(unit_hsa_id: string, name: string, change: Partial<Unit> = {}): Unit {
  return {
    provider_hsa_id: PROVIDER,
    unit_hsa_id,
    name,
    takes_cases: true,
    phone: "08-465 004 10",
    is_open: true,
    opens_at: null,
    answer_by: NOW + 24 * HOUR,
    hours: { weekly: [WEEKDAY, WEEKDAY, WEEKDAY, WEEKDAY, WEEKDAY, [], []] },
    emergency_sv: "Är det akut? Vänta inte på svar här: ring 112. För råd om vård, ring 1177.",
    emergency_en: "Is it urgent? Do not wait for an answer here: call 112. For advice about care, call 1177.",
    ...change,
  };
}

export const UNITS = [
  unit(UNIT, "Björkens vårdcentral"),
  unit("SE2321000131-U2", "Barnmorskemottagningen Kungsholmen", { is_open: false, opens_at: NOW + 18 * HOUR }),
  unit("SE2321000131-U3", "Närhälsan Ekbacken"),
];

export const COLLEAGUES: Colleague[] = [
  { hsa_id: "SE2321000131-K1", name: "Karin Lindqvist" },
  { hsa_id: "SE2321000131-K2", name: "Johan Berg" },
];

export function oneCase(letter: string, subject: string, change: Partial<Case> = {}): Case {
  return {
    case_id: caseId(letter),
    provider_hsa_id: PROVIDER,
    unit_hsa_id: UNIT,
    subject,
    state: "new",
    opened_at: NOW - 30 * HOUR,
    changed_at: NOW - 2 * HOUR,
    answer_by: NOW + 22 * HOUR,
    reopen_until: null,
    reopen_within_s: 14 * 24 * HOUR,
    version: 3,
    is_unread: false,
    is_archived: false,
    patient: null,
    patient_name: null,
    is_protected: null,
    assignee: null,
    assignee_name: null,
    is_mine: null,
    notes_id: null,
    ...change,
  };
}

/** As the patient sees them. */
export const OF_PATIENT = [
  oneCase("a", "Fråga om mitt recept på blodtrycksmedicin", { state: "awaiting_patient", answer_by: null, is_unread: true, changed_at: NOW - HOUR / 3 }),
  oneCase("b", "Utslag på armen", { state: "awaiting_staff" }),
  oneCase("c", "Intyg till arbetsgivaren", { changed_at: NOW - 26 * HOUR, unit_hsa_id: "SE2321000131-U3" }),
];
export const CLOSED_OF_PATIENT = [
  oneCase("d", "Provsvar från i våras", { state: "closed", answer_by: null, changed_at: NOW - 80 * HOUR, reopen_until: NOW + 250 * HOUR }),
  oneCase("e", "Vaccination inför resa", { state: "closed", answer_by: null, changed_at: NOW - 900 * HOUR, reopen_until: NOW - 500 * HOUR }),
];

const seen = (letter: string, name: string, change: Partial<Case> = {}): Partial<Case> => ({
  patient: `p-${letter}`,
  patient_name: name,
  is_protected: false,
  is_mine: false,
  notes_id: `notes-${letter.repeat(26)}`,
  ...change,
});
const mine = { assignee: "SE2321000131-K1", assignee_name: "Karin Lindqvist", is_mine: true };
const johans = { assignee: "SE2321000131-K2", assignee_name: "Johan Berg" };

/** As the unit sees its own. */
export const OF_UNIT = [
  oneCase("a", "Fråga om mitt recept på blodtrycksmedicin", seen("a", "Anna Andersson", { state: "awaiting_staff", is_unread: true, ...mine })),
  oneCase("b", "Utslag på armen", seen("b", "Mohammed Al-Khalil", { is_unread: true, answer_by: NOW - 3 * HOUR })),
  oneCase("c", "Intyg till arbetsgivaren", seen("c", "Elisabet Nordenskiöld-Wallin", { state: "assigned", answer_by: NOW + 4 * HOUR, ...johans })),
  oneCase("f", "Hosta som inte går över", seen("f", "Bengt Sandvall", { state: "awaiting_patient", answer_by: null, ...mine })),
  oneCase("g", "Ändrad medicin efter besöket i fredags, och en fråga till", seen("g", "", { state: "reopened", answer_by: NOW + 26 * HOUR })),
];
export const CLOSED_OF_UNIT = [
  oneCase("d", "Provsvar från i våras", seen("d", "Anna Andersson", { state: "closed", answer_by: null, reopen_until: NOW + 250 * HOUR })),
];

const FILE = { attachment_id: "a1", name: "arm.pdf", media_type: "application/pdf", size_bytes: 184_320, is_inline: false, width: 0, height: 0 };

/** What patient and unit have written in every case; notes beside it. `me` is the patient, or the clinician. */
export function fillChat(chat: FakeChat, as: "patient" | "staff"): void {
  const patient = as === "patient" ? OWN : { author: "anna", author_name: "Anna Andersson", author_role: "patient" as const };
  const clinician = as === "patient" ? {} : { author: "me" };
  if (as === "staff") chat.own = { author: "me", author_name: "Karin Lindqvist", author_role: "staff" };
  for (const letter of "abcdefg") {
    const id = caseId(letter);
    const isClosed = letter === "d" || letter === "e";
    chat.put(
      id,
      [
        event(id, 1, "", { kind: "system", author: "", author_name: "", author_role: "system", body: { what: "case_changed", state: "new", version: 1 } }),
        event(id, 2, "Hej! Jag har tagit min nya blodtrycksmedicin i en vecka och känner mig yr på morgonen. Ska jag fortsätta?", patient),
        event(id, 3, "Jag bifogar mina värden.", { ...patient, body: { text: "Jag bifogar mina värden.", attachments: [FILE] } }),
        event(id, 4, "", { kind: "system", author: "", author_name: "", author_role: "system", body: { what: "case_changed", state: "assigned", version: 2 } }),
        event(id, 5, "Hej Anna! Tack, det var bra att du skrev. Värdena ser fina ut. Ta tabletten på kvällen i stället, och res dig långsamt på morgonen.", clinician),
        event(id, 6, "Tack! Då provar jag det. Ska jag boka ett nytt besök?", patient),
        ...(isClosed ? [event(id, 7, "", { kind: "system", author: "", author_name: "", author_role: "system", body: { what: "case_changed", state: "closed", version: 3 } })] : []),
      ],
      { state: isClosed ? "archived" : "open", receipts: [{ reader: as === "patient" ? "karin" : "anna", delivered: 6, read: 5 }] },
    );
    const notes = `notes-${letter.repeat(26)}`;
    chat.put(notes, [event(notes, 1, "Ringt apoteket: interaktion utesluten. Följ upp om yrseln inte ger sig på en vecka.", { ...clinician })]);
  }
  chat.channel = as === "staff" ? "staff-unit" : null;
  chat.put("staff-unit");
}

/** Long closed: the front has no words of it, the record has all (`ARCHIVED`). */
export const ARCHIVED_OF_PATIENT = oneCase("h", "", { state: "closed", answer_by: null, changed_at: NOW - 2000 * HOUR, is_archived: true });
export const ARCHIVED_OF_UNIT: Case = { ...ARCHIVED_OF_PATIENT, ...seen("h", "Anna Andersson") };

const archivedEvent = (seq: number, text: string, change: Partial<ArchivedEvent> = {}): ArchivedEvent => ({
  seq,
  at_ms: (NOW - (2100 - seq) * HOUR) * 1000,
  kind: "message",
  author_name: "Anna Andersson",
  author_role: "patient",
  is_own: true,
  target: 0,
  body: { text, attachments: [] },
  is_withdrawn: false,
  ...change,
});
const karin = { author_name: "Karin Lindqvist", author_role: "staff", is_own: false } as const;

/** What the companion answers, by conversation. */
export const ARCHIVED: Record<string, ArchivedPage> = {
  [caseId("h")]: {
    case: { conversation_id: caseId("h"), case_id: caseId("h"), title: "Allergitest", archived_at: "2026-06-01T08:00:00Z" },
    events: [
      archivedEvent(1, "Hej, har svaret på allergitestet kommit?"),
      archivedEvent(2, "Ja, du är alergisk mot björk.", karin),
      archivedEvent(3, "", { ...karin, kind: "edit", target: 2, body: { text: "Ja, du är allergisk mot björk." } }),
      archivedEvent(4, "", { kind: "withdrawal", target: 5 }),
      archivedEvent(5, "", { is_withdrawn: true, body: {} }),
      archivedEvent(6, "", { ...karin, body: { text: "", attachments: [FILE] } }),
    ],
    corrections: [{ entry_part: 2, state: "corrected", text: "Provet gällde björk och al." }],
    next_after: null,
  },
  [`notes-${"h".repeat(26)}`]: {
    case: { conversation_id: `notes-${"h".repeat(26)}`, case_id: caseId("h"), title: "Allergitest", archived_at: "2026-06-01T08:00:00Z" },
    events: [archivedEvent(1, "Svar från laboratoriet inkommet.", karin)],
    corrections: [],
    next_after: null,
  },
};
