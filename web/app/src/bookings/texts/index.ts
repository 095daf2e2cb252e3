/** The texts of bookings; those of every page are in `app/src/i18n`. */
import { type Language, type Values, fill, useLanguage } from "@alltid-oppet/meeting";
import { en } from "./en";
import { sv } from "./sv";

export type BookingTextKey = keyof typeof sv;
export type BookingTexts = Record<BookingTextKey, string>;
export type BookingText = (key: BookingTextKey, values?: Values) => string;

export const BOOKING_TEXTS: Record<Language, BookingTexts> = { sv, en };

export function bookingTexts(language: Language): BookingText {
  const catalogue = BOOKING_TEXTS[language];
  return (key, values) => fill(catalogue[key], values);
}

export const useBookingText = (): BookingText => bookingTexts(useLanguage().language);

/** What a refusal means here, in words. */
export function codeText(code: string): BookingTextKey {
  const key = `code_${code}`;
  return Object.hasOwn(sv, key) ? (key as BookingTextKey) : "code_internal";
}
