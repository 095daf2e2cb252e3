import { useId } from "preact/hooks";
import { useLanguage } from "../i18n/context";
import { LANGUAGES, LANGUAGE_CODES, isLanguage } from "../i18n/messages";

/** The language switch. Compact in page headers (the label is for screen readers), a full field in dialogs. */
export function LanguageSelect({ compact = false }: { compact?: boolean }) {
  const { language, setLanguage, t } = useLanguage();
  const id = useId();
  return (
    <div class={compact ? "ao-language" : "ds-field"}>
      <label for={id} class={compact ? "ds-sr-only" : "ds-label"}>
        {t("language")}
      </label>
      <select
        id={id}
        class="ds-input"
        data-testid="language"
        value={language}
        onChange={(event) => {
          const { value } = event.currentTarget;
          if (isLanguage(value)) setLanguage(value);
        }}
      >
        {LANGUAGE_CODES.map((code) => (
          <option key={code} value={code} lang={code}>
            {LANGUAGES[code].name}
          </option>
        ))}
      </select>
    </div>
  );
}
