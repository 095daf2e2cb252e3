/** The texts of messages; the page around says in which language. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { en } from "./en";
import { sv } from "./sv";

export type TextKey = keyof typeof sv;
export type Texts = Record<TextKey, string>;
export type Values = Record<string, string | number>;
export type Translate = (key: TextKey, values?: Values) => string;

export const TEXTS = { sv: sv as Texts, en };
export type ChatLanguage = keyof typeof TEXTS;

export function translator(language: ChatLanguage): Translate {
  const texts = TEXTS[language];
  return (key, values = {}) => texts[key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

export const LanguageContext = createContext<ChatLanguage>("sv");
export const useLanguage = (): ChatLanguage => useContext(LanguageContext);
export const useTranslate = (): Translate => translator(useLanguage());
