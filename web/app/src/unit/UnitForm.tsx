import { useLanguage } from "@alltid-oppet/meeting";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { keyFor, useText } from "../i18n/texts";
import { useSession } from "../session";
import { Field } from "../shell/Field";
import { type UnitSettings, periodsOf, periodsText } from "./settings";

interface Props {
  settings: UnitSettings;
  commission: string;
  /** Fails with what `refused` understands. */
  save: (settings: UnitSettings) => Promise<void>;
}

const DAYS = [0, 1, 2, 3, 4, 5, 6] as const;
/** Monday 5 January 1970, at noon. */
const MONDAY_MS = Date.UTC(1970, 0, 5, 12);

/** The form: names, telephone, opening hours, promise, emergency texts. */
export function UnitForm({ settings, commission, save }: Props) {
  const t = useText();
  const id = useId();
  const { language } = useLanguage();
  const { refused } = useSession();
  const heading = useRef<HTMLHeadingElement>(null);
  const form = useRef<HTMLFormElement>(null);
  const [draft, setDraft] = useState(settings);
  const [days, setDays] = useState(() => DAYS.map((day) => periodsText(settings.hours.weekly[day] ?? [])));
  const [hours, setHours] = useState(String(settings.promised_answer_open_s / 3600).replace(".", ","));
  const [faults, setFaults] = useState<readonly string[]>([]);
  const [state, setState] = useState<"idle" | "busy" | "saved">("idle");
  const [failed, setFailed] = useState<string | null>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  const put = (change: Partial<UnitSettings>): void => {
    setDraft({ ...draft, ...change });
    setState("idle");
  };
  const dayName = (day: number): string =>
    new Intl.DateTimeFormat(language === "sv" ? "sv-SE" : "en-GB", { weekday: "long", timeZone: "UTC" }).format(MONDAY_MS + day * 24 * 3600 * 1000);
  const point = (wrong: readonly string[]): void => {
    setFaults(wrong);
    requestAnimationFrame(() => form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
  };
  const submit = async (): Promise<void> => {
    if (state === "busy") return;
    const weekly = days.map(periodsOf);
    const promised = Number(hours.replace(",", "."));
    const wrong = [
      ...(draft.name.trim() === "" ? ["name"] : []),
      ...weekly.flatMap((periods, day) => (periods === null ? [`day${day}`] : [])),
      ...(promised > 0 && promised <= 9600 ? [] : ["promised_answer_open_s"]),
    ];
    setFailed(null);
    if (wrong.length > 0) return point(wrong);
    setFaults([]);
    setState("busy");
    const next: UnitSettings = {
      ...draft,
      name: draft.name.trim(),
      promised_answer_open_s: Math.round(promised * 3600),
      hours: { ...draft.hours, weekly: weekly.map((periods) => periods ?? []) },
    };
    try {
      await save(next);
      setState("saved");
    } catch (error) {
      setState("idle");
      const refusal = refused(error);
      if (refusal.needsLogin) return;
      if (refusal.field) point([refusal.field]);
      else setFailed(refusal.code);
    }
  };
  const text = (name: "name" | "notice_name" | "phone", maxLength: number) => (
    <Field label={t(`unit_${name}`)} hint={t(`unit_${name}_hint`)} fault={faults.includes(name) ? t(`unit_${name}_fault`) : null}>
      {(described) => (
        <input {...described} class="ds-input" maxLength={maxLength} value={draft[name]} data-testid={`unit-${name}`} autocomplete="off" onInput={(event) => put({ [name]: event.currentTarget.value })} />
      )}
    </Field>
  );
  const check = (label: string, checked: boolean, name: string, onChange: (checked: boolean) => void) => (
    <label class="ap-radio">
      <input type="checkbox" class="ds-input" checked={checked} data-testid={name} onChange={(event) => onChange(event.currentTarget.checked)} />
      <span>{label}</span>
    </label>
  );
  return (
    <div class="ap-column ap-narrow" data-testid="unit-settings" data-state={state}>
      <div>
        <h1 class="ds-heading" data-size="md" ref={heading} tabIndex={-1}>
          {t("title_unit")}
        </h1>
        <p class="ap-hint" data-testid="commission-name">
          {commission}
        </p>
        <p class="ap-lead">{t("unit_lead")}</p>
      </div>
      <form
        ref={form}
        class="ap-card ap-form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        {text("name", 120)}
        {text("notice_name", 60)}
        {text("phone", 24)}
        {check(t("unit_takes_cases"), draft.takes_cases, "unit-takes-cases", (takes_cases) => put({ takes_cases }))}
        <Field label={t("unit_promise")} hint={t("unit_promise_hint")} fault={faults.includes("promised_answer_open_s") ? t("unit_promise_fault") : null}>
          {(described) => (
            <input
              {...described}
              class="ds-input ap-short"
              inputMode="decimal"
              value={hours}
              data-testid="unit-promise"
              onInput={(event) => {
                setHours(event.currentTarget.value);
                setState("idle");
              }}
            />
          )}
        </Field>
        <fieldset class="ap-radios ap-week">
          <legend>{t("unit_hours")}</legend>
          <p id={`${id}hours`} class="ap-hint">
            {t("unit_hours_hint")}
          </p>
          {DAYS.map((day) => (
            <div key={day} class="ap-week-day">
              <label for={`${id}${day}`}>{dayName(day)}</label>
              <input
                id={`${id}${day}`}
                class="ds-input"
                value={days[day]}
                placeholder={t("unit_day_closed")}
                data-testid={`unit-day-${day}`}
                autocomplete="off"
                aria-describedby={`${id}hours`}
                aria-invalid={faults.includes(`day${day}`)}
                onInput={(event) => {
                  const written = event.currentTarget.value;
                  setDays(days.map((before, other) => (other === day ? written : before)));
                  setState("idle");
                }}
              />
            </div>
          ))}
          {faults.some((fault) => fault.startsWith("day") || fault === "hours") && <p class="ds-validation-message">{t("unit_hours_fault")}</p>}
          {check(t("unit_holidays"), draft.hours.is_closed_on_holidays, "unit-holidays", (on) => put({ hours: { ...draft.hours, is_closed_on_holidays: on } }))}
          {check(t("unit_eves"), draft.hours.is_closed_on_eves, "unit-eves", (on) => put({ hours: { ...draft.hours, is_closed_on_eves: on } }))}
        </fieldset>
        {(["emergency_sv", "emergency_en"] as const).map((name) => (
          <Field key={name} label={t(`unit_${name}`)} hint={t("unit_emergency_hint")} fault={faults.includes(name) ? t("unit_emergency_fault") : null}>
            {(described) => (
              <textarea {...described} class="ds-input" rows={3} maxLength={400} lang={name.slice(-2)} value={draft[name] ?? ""} data-testid={`unit-${name}`} onInput={(event) => put({ [name]: event.currentTarget.value || null })} />
            )}
          </Field>
        ))}
        <div role="status" data-testid="unit-said">
          {state === "saved" && <p class="ap-saved">{t("unit_saved")}</p>}
        </div>
        <div role="alert">
          {faults.length > 0 && <p class="ds-validation-message">{t("unit_faults")}</p>}
          {failed && <p class="ds-validation-message">{t(keyFor("code_", failed, "code_internal"))}</p>}
        </div>
        <button type="submit" class="ds-button ap-big" data-testid="unit-save" aria-busy={state === "busy"} aria-disabled={state === "busy"}>
          {t("unit_save")}
        </button>
      </form>
    </div>
  );
}
