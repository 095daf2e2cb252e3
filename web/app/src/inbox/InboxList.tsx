import { useLanguage } from "@alltid-oppet/meeting";
import { useEffect, useRef } from "preact/hooks";
import { isLate, isWaiting } from "../cases/logic";
import { type Go, addressOf, isPlainClick } from "../cases/route";
import { useCaseText } from "../cases/texts";
import type { Case } from "../cases/types";
import type { Cases } from "../cases/useCases";
import { whenText } from "../cases/when";
import { useText } from "../i18n/texts";
import { Loading } from "../shell/Notice";

interface Props {
  cases: readonly Case[];
  /** Where they come from; null: a search. */
  list: Cases | null;
  chosen: string | null;
  now: number;
  label: string;
  empty: string;
  failure: string;
  go: Go;
}

/** The cases as rows; arrow keys go from one to the next. */
export function InboxList({ cases, list, chosen, now, label, empty, failure, go }: Props) {
  const t = useText();
  const rows = useRef<HTMLUListElement>(null);
  useEffect(() => rows.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" }), [chosen, cases.length]);
  if (list?.status === "loading") return <Loading />;
  if (failure) {
    return (
      <div class="ap-inbox-empty" data-testid="notice" data-code={list?.error?.code}>
        <p>{failure}</p>
        <button type="button" class="ds-button" data-variant="secondary" onClick={() => void list?.again()}>
          {t("retry")}
        </button>
      </div>
    );
  }
  if (cases.length === 0) return <p class="ap-inbox-empty">{empty}</p>;
  return (
    <ul class="ap-rows" ref={rows} aria-label={label} onKeyDown={moveFocus}>
      {cases.map((one) => (
        <Row key={one.case_id} one={one} isChosen={one.case_id === chosen} now={now} go={go} />
      ))}
    </ul>
  );
}

function Row({ one, isChosen, now, go }: { one: Case; isChosen: boolean; now: number; go: Go }) {
  const c = useCaseText();
  const { language } = useLanguage();
  const place = { at: "case", caseId: one.case_id } as const;
  const late = isLate(one, now);
  const when = one.answer_by !== null ? whenText(language, one.answer_by, now) : null;
  return (
    <li>
      <a
        class="ap-inbox-row"
        href={addressOf("/portal/cases", place)}
        aria-current={isChosen ? "true" : undefined}
        data-testid="case"
        data-case-id={one.case_id}
        data-state={one.state}
        data-unread={one.is_unread}
        data-late={late}
        onClick={(event) => {
          if (!isPlainClick(event)) return;
          event.preventDefault();
          go(place);
        }}
      >
        <span class="ap-inbox-name">
          <span>{one.is_protected ? c("patient_protected") : one.patient_name || c("patient_unnamed")}</span>
          {one.is_unread && (
            <span class="ds-tag ap-unread" data-color="accent">
              {c("unread")}
            </span>
          )}
        </span>
        <span class="ap-inbox-subject">{one.subject || c("archived_case")}</span>
        <span class="ap-inbox-facts">
          <span class="ds-tag" data-color={isWaiting(one) ? "accent" : "neutral"} data-variant={isWaiting(one) ? undefined : "outline"}>
            {c(`staff_state_${one.state}`)}
          </span>
          {one.assignee !== null && <span>{one.is_mine ? c("filter_mine") : one.assignee_name}</span>}
        </span>
        {when ? (
          <span class={late ? "ap-due ap-due-late" : "ap-due"}>{c(late ? "due_late" : "due", { when })}</span>
        ) : (
          <span class="ap-due">{c("changed", { when: whenText(language, one.changed_at, now) })}</span>
        )}
      </a>
    </li>
  );
}

const STEPS: Record<string, (at: number, last: number) => number> = {
  ArrowDown: (at, last) => Math.min(last, at + 1),
  ArrowUp: (at) => Math.max(0, at - 1),
  Home: () => 0,
  End: (_, last) => last,
};

function moveFocus(event: KeyboardEvent): void {
  const step = STEPS[event.key];
  if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
  const rows = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("a")];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  if (at < 0) return;
  event.preventDefault();
  rows[step(at, rows.length - 1)]?.focus();
}
