/** The texts of cases; those of every page are in `app/src/i18n`. */
import { type Language, type Values, fill, useLanguage } from "@alltid-oppet/meeting";
import { en } from "./en";
import { sv } from "./sv";

export type CaseTextKey = keyof typeof sv;
export type CaseTexts = Record<CaseTextKey, string>;
export type CaseText = (key: CaseTextKey, values?: Values) => string;

export const CASE_TEXTS: Record<Language, CaseTexts> = { sv, en };

export function caseTexts(language: Language): CaseText {
  const catalogue = CASE_TEXTS[language];
  return (key, values) => fill(catalogue[key], values);
}

export const useCaseText = (): CaseText => caseTexts(useLanguage().language);

/** What a refusal means here, in words. */
export function codeText(code: string): CaseTextKey {
  const key = `code_${code}`;
  return Object.hasOwn(sv, key) ? (key as CaseTextKey) : "code_internal";
}
