/** Times of messages as people in Sweden read them, wherever the browser is. Pure. */
import type { ChatLanguage } from "./i18n/texts";

export const LOCALES: Record<ChatLanguage, string> = { sv: "sv-SE", en: "en-GB" };

const format = (language: ChatLanguage, options: Intl.DateTimeFormatOptions, atMs: number): string =>
  new Intl.DateTimeFormat(LOCALES[language], { timeZone: "Europe/Stockholm", ...options }).format(atMs);

export const clock = (language: ChatLanguage, atMs: number): string =>
  format(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }, atMs);

/** "2026-11-23": the calendar day in Sweden, for comparing. */
export const dayKey = (atMs: number): string => format("sv", { year: "numeric", month: "2-digit", day: "2-digit" }, atMs);

export const longDay = (language: ChatLanguage, atMs: number): string =>
  format(language, { weekday: "long", day: "numeric", month: "long" }, atMs);

/** "tisdag 24 november 10:00". */
export const dayAndClock = (language: ChatLanguage, atMs: number): string => `${longDay(language, atMs)} ${clock(language, atMs)}`;
