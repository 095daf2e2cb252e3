/** A unit's opening hours in words: "måndag–fredag 08:00–17:00, lördag–söndag stängt". Pure. */
import { type ChatLanguage, translator } from "./i18n/texts";

export interface OpenPeriod {
  opens: string;
  closes: string;
}

/** Per weekday, Monday first. */
export type WeekHours = readonly (readonly OpenPeriod[])[];

/** Monday 5 January 1970, at noon. */
const MONDAY_MS = Date.UTC(1970, 0, 5, 12);
const DAY_MS = 24 * 3600 * 1000;

const dayName = (language: ChatLanguage, day: number): string =>
  new Intl.DateTimeFormat(language === "sv" ? "sv-SE" : "en-GB", { weekday: "long", timeZone: "UTC" }).format(MONDAY_MS + day * DAY_MS);

/** Days with the same hours that follow each other are said together. */
export function hoursText(language: ChatLanguage, weekly: WeekHours): string {
  const t = translator(language);
  const said: { first: number; last: number; hours: string }[] = [];
  weekly.forEach((periods, day) => {
    const hours = periods.length > 0 ? periods.map(({ opens, closes }) => `${opens}–${closes}`).join(", ") : t("board_day_closed");
    const before = said.at(-1);
    if (before?.hours === hours) before.last = day;
    else said.push({ first: day, last: day, hours });
  });
  return said
    .map(({ first, last, hours }) => {
      const days = first === last ? dayName(language, first) : `${dayName(language, first)}–${dayName(language, last)}`;
      return `${days} ${hours}`;
    })
    .join("; ");
}
