import { type ComponentChildren, createContext, h } from "preact";
import { useContext, useEffect, useMemo, useState } from "preact/hooks";
import { loadPreference, savePreference } from "../preferences";
import { DEFAULT_LANGUAGE, type Language, type Translate, isLanguage, translator } from "./messages";

interface LanguageState {
  language: Language;
  setLanguage: (language: Language) => void;
  t: Translate;
}

const Context = createContext<LanguageState>({
  language: DEFAULT_LANGUAGE,
  setLanguage: () => undefined,
  t: translator(DEFAULT_LANGUAGE),
});

interface Props {
  /** Where to begin; a person's own earlier choice goes first. */
  initial: Language;
  onChange: (language: Language) => void;
  children: ComponentChildren;
}

export function LanguageProvider({ initial, onChange, children }: Props) {
  const [language, setState] = useState<Language>(() => {
    const chosen = loadPreference("language");
    return isLanguage(chosen) ? chosen : initial;
  });
  useEffect(() => onChange(language), [language]);
  const state = useMemo(
    () => ({
      language,
      t: translator(language),
      setLanguage: (next: Language) => {
        savePreference("language", next);
        setState(next);
      },
    }),
    [language],
  );
  return h(Context.Provider, { value: state, children });
}

export const useLanguage = (): LanguageState => useContext(Context);
export const useTranslate = (): Translate => useContext(Context).t;
