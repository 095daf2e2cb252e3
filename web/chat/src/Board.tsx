import { useLanguage, useTranslate } from "./i18n/texts";
import { type WeekHours, hoursText } from "./hours";
import { dayAndClock } from "./times";

/** What a unit has to say before somebody sends (`GET /api/units/{provider}/{unit}`); times in seconds since 1970. */
export interface UnitBoard {
  is_open: boolean;
  opens_at: number | null;
  answer_by: number | null;
  /** Opening hours of the week, Monday first; left out: not shown. */
  hours?: { weekly: WeekHours };
  emergency_sv: string;
  emergency_en: string;
}

/** Whether the unit is open, by when it answers, and where to turn when it is urgent. */
export function Board({ unit }: { unit: UnitBoard }) {
  const t = useTranslate();
  const language = useLanguage();
  const when = (seconds: number): string => dayAndClock(language, seconds * 1000);
  const hours = unit.is_open
    ? t("board_open")
    : unit.opens_at
      ? t("board_closed", { when: when(unit.opens_at) })
      : t("board_closed_unknown");
  return (
    <div class="ao-chat-board" data-testid="board">
      <p>
        {hours} {unit.answer_by !== null && <strong>{t("board_answer", { when: when(unit.answer_by) })}</strong>}
      </p>
      {unit.hours && <p>{t("board_hours", { hours: hoursText(language, unit.hours.weekly) })}</p>}
      <p class="ao-chat-emergency">
        <strong>{t("board_emergency")}</strong> {language === "sv" ? unit.emergency_sv : unit.emergency_en}
      </p>
    </div>
  );
}
