import { en } from "./en";
import { sv } from "./sv";

export type MessageKey = keyof typeof sv;
/** What a language must bring: the compiler finds every missing key. */
export type Messages = Record<MessageKey, string>;

/** To add a language: write its catalogue and enter it here; its name is in the language itself. */
export const LANGUAGES = {
  sv: { name: "Svenska", messages: sv as Messages },
  en: { name: "English", messages: en },
};

export type Language = keyof typeof LANGUAGES;
export const DEFAULT_LANGUAGE: Language = "sv";
export const LANGUAGE_CODES = Object.keys(LANGUAGES) as Language[];

export function isLanguage(value: unknown): value is Language {
  return typeof value === "string" && Object.hasOwn(LANGUAGES, value);
}

export type Values = Record<string, string | number>;
export type Translate = (key: MessageKey, values?: Values) => string;

/** Fill in the blanks of a text; a blank without a value stays visible. */
export const fill = (text: string, values: Values = {}): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));

export function translator(language: Language): Translate {
  const { messages } = LANGUAGES[language];
  return (key, values) => fill(messages[key], values);
}
