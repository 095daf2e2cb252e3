import { type Language, TIME_ZONE, clock, longDay, nearDay, useLanguage } from "@alltid-oppet/meeting";
import { bookingTexts } from "./texts";

/** An instant in the middle of a sentence: "i dag 10:00", "tisdag 24 november 10:00". Pure. */
export function whenText(language: Language, seconds: number, now: number): string {
  const b = bookingTexts(language);
  const time = clock(language, seconds);
  const near = nearDay(seconds, now);
  return near ? b(`when_${near}`, { time }) : b("when_day", { day: dayText(language, seconds, now), time });
}

/** A day within a sentence: days of the week are small letters in Swedish. Pure. */
export function dayText(language: Language, seconds: number, now: number): string {
  const day = longDay(language, seconds, now);
  return language === "sv" ? day.charAt(0).toLocaleLowerCase("sv") + day.slice(1) : day;
}

/** "tis" and below it "24 nov.", for a button. Pure. */
export function shortDay(language: Language, seconds: number): string {
  const format = (options: Intl.DateTimeFormatOptions): string =>
    new Intl.DateTimeFormat(language === "sv" ? "sv-SE" : "en-GB", { timeZone: TIME_ZONE, ...options }).format(seconds * 1000);
  return `${format({ weekday: "short" })}\n${format({ day: "numeric", month: "short" })}`;
}

/** An amount of money in kronor, with öre only where there are some. Pure. */
export const kronor = (language: Language, ore: number): string =>
  new Intl.NumberFormat(language === "sv" ? "sv-SE" : "en-GB", { minimumFractionDigits: ore % 100 ? 2 : 0 }).format(ore / 100);

/** The same in the language of the page. */
export function useWhen(now: number): (seconds: number) => string {
  const { language } = useLanguage();
  return (seconds) => whenText(language, seconds, now);
}
