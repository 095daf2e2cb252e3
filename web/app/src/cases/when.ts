import { type Language, clock, longDay, nearDay } from "@alltid-oppet/meeting";
import { caseTexts } from "./texts";

/** An instant in the middle of a sentence: "i dag 10:00", "tisdag 24 november 10:00". Pure. */
export function whenText(language: Language, seconds: number, now: number): string {
  const t = caseTexts(language);
  const time = clock(language, seconds);
  const near = nearDay(seconds, now);
  if (near) return t(`when_${near}`, { time });
  const day = longDay(language, seconds, now);
  // Days of the week are small letters within a Swedish sentence.
  return t("when_day", { day: language === "sv" ? day.charAt(0).toLocaleLowerCase("sv") + day.slice(1) : day, time });
}
