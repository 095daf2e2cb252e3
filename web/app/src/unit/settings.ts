/** What a unit has decided about messages, as its form shows it. Pure. */
import type { OpenPeriod, WeekHours } from "@alltid-oppet/chat";

export interface UnitSettings {
  name: string;
  /** What SMS and e-mail call the unit. Empty: a neutral phrase. */
  notice_name: string;
  phone: string;
  takes_cases: boolean;
  /** Seconds during which the unit is open. */
  promised_answer_open_s: number;
  hours: {
    weekly: WeekHours;
    special: { day: string; hours: OpenPeriod[] }[];
    is_closed_on_holidays: boolean;
    is_closed_on_eves: boolean;
  };
  emergency_sv: string | null;
  emergency_en: string | null;
}

const WEEKDAY: readonly OpenPeriod[] = [{ opens: "08:00", closes: "17:00" }];

/** Of a unit that has none yet. */
export const firstSettings = (name: string): UnitSettings => ({
  name,
  notice_name: "",
  phone: "",
  takes_cases: true,
  promised_answer_open_s: 8 * 3600,
  hours: { weekly: [WEEKDAY, WEEKDAY, WEEKDAY, WEEKDAY, WEEKDAY, [], []], special: [], is_closed_on_holidays: true, is_closed_on_eves: true },
  emergency_sv: null,
  emergency_en: null,
});

/** "08:00-12:00, 13:00-17:00"; empty: closed. */
export const periodsText = (periods: readonly OpenPeriod[]): string => periods.map(({ opens, closes }) => `${opens}–${closes}`).join(", ");

/** What somebody wrote for a day ("8-12, 13.00–17"); null when it cannot be understood. */
export function periodsOf(written: string): OpenPeriod[] | null {
  const parts = written.split(/[,;]/).map((part) => part.trim()).filter((part) => part !== "");
  const periods: OpenPeriod[] = [];
  for (const part of parts) {
    const found = /^(\d{1,2})(?:[.:](\d{2}))?\s*[-–—]\s*(\d{1,2})(?:[.:](\d{2}))?$/.exec(part);
    if (!found) return null;
    const opens = clock(found[1]!, found[2] ?? "00");
    const closes = clock(found[3]!, found[4] ?? "00");
    const last = periods.at(-1);
    if (opens === null || closes === null || opens >= closes || (last && last.closes > opens)) return null;
    periods.push({ opens, closes });
  }
  return periods;
}

function clock(hours: string, minutes: string): string | null {
  const text = `${hours.padStart(2, "0")}:${minutes}`;
  return /^(([01]\d|2[0-3]):[0-5]\d|24:00)$/.test(text) ? text : null;
}
