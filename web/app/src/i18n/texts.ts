/** The pages' own texts; the meeting room has its own catalogue. */
import { type Language, type Values, fill, useLanguage } from "@alltid-oppet/meeting";
import { en } from "./en";
import { sv } from "./sv";

export type TextKey = keyof typeof sv;
export type Texts = Record<TextKey, string>;
export type Text = (key: TextKey, values?: Values) => string;

export const TEXTS: Record<Language, Texts> = { sv, en };

export function texts(language: Language): Text {
  const catalogue = TEXTS[language];
  return (key, values) => fill(catalogue[key], values);
}

/** The texts in the language that the person chose. */
export const useText = (): Text => texts(useLanguage().language);

/** A key made of a prefix and a code that came from elsewhere, or the fallback when there is no such text. */
export function keyFor(prefix: string, code: string, fallback: TextKey): TextKey {
  const key = `${prefix}${code}`;
  return Object.hasOwn(sv, key) ? (key as TextKey) : fallback;
}
