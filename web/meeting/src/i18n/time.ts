/** Meeting times as people in Sweden read them, wherever the browser is. Pure: the present is an argument. */
import type { Language } from "./messages";

export const TIME_ZONE = "Europe/Stockholm";
const LOCALES: Record<Language, string> = { sv: "sv-SE", en: "en-GB" };

const format = (language: Language, options: Intl.DateTimeFormatOptions, seconds: number): string =>
  new Intl.DateTimeFormat(LOCALES[language], { timeZone: TIME_ZONE, ...options }).format(seconds * 1000);

/** "13:30", as on the clock of a Swedish waiting room. */
export const clock = (language: Language, seconds: number): string =>
  format(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }, seconds);

export const timeRange = (language: Language, starts: number, ends: number): string =>
  `${clock(language, starts)}–${clock(language, ends)}`;

/** "2026-11-23": the calendar day in Sweden, for comparing and grouping. */
export const day = (seconds: number): string => format("sv", { year: "numeric", month: "2-digit", day: "2-digit" }, seconds);

export type NearDay = "today" | "tomorrow";

/** Today or tomorrow by the Swedish calendar, also where a change of the clock makes a day of 23 or 25 hours. */
export function nearDay(seconds: number, now: number): NearDay | null {
  if (day(seconds) === day(now)) return "today";
  const [year, month, date] = day(now).split("-").map(Number) as [number, number, number];
  const next = new Date(Date.UTC(year, month - 1, date + 1)).toISOString().slice(0, 10);
  return day(seconds) === next ? "tomorrow" : null;
}

/** "måndag 23 november"; the year is added when it is another one. */
export function longDay(language: Language, seconds: number, now: number): string {
  const otherYear = day(seconds).slice(0, 4) !== day(now).slice(0, 4);
  const options: Intl.DateTimeFormatOptions = { weekday: "long", day: "numeric", month: "long" };
  if (otherYear) options.year = "numeric";
  const text = format(language, options, seconds);
  return text.charAt(0).toLocaleUpperCase(LOCALES[language]) + text.slice(1);
}

/** Whole minutes from `now` until then, rounded up; never below zero. */
export const minutesUntil = (seconds: number, now: number): number => Math.max(0, Math.ceil((seconds - now) / 60));
