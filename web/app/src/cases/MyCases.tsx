import { Icon, useLanguage } from "@alltid-oppet/meeting";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Session } from "../api";
import { PersonSwitch } from "../home/PersonSwitch";
import { useNow } from "../hooks";
import { useText } from "../i18n/texts";
import { useSession } from "../session";
import { Loading, Notice } from "../shell/Notice";
import { archivedTitles } from "./archive";
import { isLate, patientOrder, unreadCount } from "./logic";
import { type Go, type Place, addressOf, isPlainClick } from "./route";
import { codeText, useCaseText } from "./texts";
import type { Case, Unit } from "./types";
import type { Cases } from "./useCases";
import { whenText } from "./when";

interface Props {
  session: Session;
  units: readonly Unit[] | null;
  open: Cases;
  closed: Cases;
  wantsClosed: boolean;
  onWantsClosed: () => void;
  go: Go;
  moved: boolean;
}

/** A patient's cases, or those of the person one is a proxy for. */
export function MyCases({ session, units, open, closed, wantsClosed, onWantsClosed, go, moved }: Props) {
  const c = useCaseText();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (moved) heading.current?.focus({ preventScroll: true });
  }, []);
  const other = session.acting_for?.name;
  const unread = unreadCount(open.cases);
  return (
    <div class="ap-column ap-cases" data-testid="my-cases" data-loaded={open.status}>
      <div class="ap-title-row">
        <div>
          <h1 class="ds-heading" data-size="md" ref={heading} tabIndex={-1}>
            {other ? c("cases_of", { name: other }) : c("cases")}
          </h1>
          <p class="ap-lead">{c(other ? "cases_lead_of" : "cases_lead")}</p>
        </div>
        <CaseLink place={{ at: "new" }} go={go} class="ds-button ap-big" name="new-case">
          <Icon name="chat" />
          {c("case_new")}
        </CaseLink>
      </div>
      <PersonSwitch session={session} legend={c("cases_whose")} />
      <p class="ds-sr-only" role="status">
        {unread === 0 ? "" : unread === 1 ? c("unread_one") : c("unread_many", { count: unread })}
      </p>
      <section aria-labelledby="open-cases">
        <h2 id="open-cases" class="ap-section">
          {c("cases_open")}
        </h2>
        <List list={open} units={units} go={go}>
          <div class="ap-card ap-empty" data-testid="no-cases">
            <h3 class="ds-heading" data-size="2xs">
              {c("cases_none_title")}
            </h3>
            <p>{c("cases_none_text")}</p>
          </div>
        </List>
      </section>
      {wantsClosed ? (
        <section aria-labelledby="closed-cases">
          <h2 id="closed-cases" class="ap-section">
            {c("cases_closed")}
          </h2>
          <List list={closed} units={units} go={go}>
            <p class="ap-card">{c("cases_closed_none")}</p>
          </List>
        </section>
      ) : (
        <p>
          <button type="button" class="ds-button" data-variant="secondary" data-testid="show-closed" onClick={onWantsClosed}>
            {c("cases_closed_show")}
          </button>
        </p>
      )}
    </div>
  );
}

function List({ list, units, go, children }: { list: Cases; units: readonly Unit[] | null; go: Props["go"]; children: ComponentChildren }) {
  const t = useText();
  const c = useCaseText();
  const titles = useArchivedTitles(list.cases);
  if (list.status === "loading") return <Loading />;
  if (list.error) {
    return (
      <Notice icon="warning" title={c("cases_failed_title")} text={c(codeText(list.error.code))} code={list.error.code} focus={false} level={2}>
        <button type="button" class="ds-button" onClick={() => void list.again()}>
          {t("retry")}
        </button>
      </Notice>
    );
  }
  if (list.cases.length === 0) return <>{children}</>;
  return (
    <>
      {list.stale && (
        <p class="ap-stale" role="status">
          {c("inbox_offline")}
        </p>
      )}
      <ul class="ap-table">
        {patientOrder(list.cases).map((one) => (
          <Row key={one.case_id} one={one} unit={unitOf(units, one)} go={go} titles={titles} />
        ))}
      </ul>
    </>
  );
}

function Row({ one, unit, go, titles }: { one: Case; unit: Unit | null; go: Props["go"]; titles: ReadonlyMap<string, string> }) {
  const c = useCaseText();
  const { language } = useLanguage();
  const now = useNow(60);
  return (
    <li>
      <CaseLink place={{ at: "case", caseId: one.case_id }} go={go} class="ap-case" name="case" unread={one.is_unread} state={one.state}>
        <span class="ap-case-what">
          <span class="ap-case-subject">{one.subject || titles.get(one.case_id) || c("archived_case")}</span>
          <span class="ap-hint">{unit?.name}</span>
        </span>
        <span class="ap-case-state">
          {one.is_unread && (
            <span class="ds-tag ap-unread" data-color="accent">
              {c("unread")}
            </span>
          )}
          <span class="ds-tag" data-color={one.state === "awaiting_patient" ? "success" : "neutral"}>
            {c(`state_${one.state}`)}
          </span>
          <span class="ap-hint">
            {one.answer_by !== null && !isLate(one, now)
              ? c("answer_by", { when: whenText(language, one.answer_by, now) })
              : c("changed", { when: whenText(language, one.changed_at, now) })}
          </span>
        </span>
        <Icon name="next" />
      </CaseLink>
    </li>
  );
}

const NO_TITLES: ReadonlyMap<string, string> = new Map();

/** What the archive calls the cases of a list that only it has the words of; asked for once there is one. */
function useArchivedTitles(cases: readonly Case[]): ReadonlyMap<string, string> {
  const { api } = useSession();
  const [titles, setTitles] = useState(NO_TITLES);
  const wanted = cases.some((one) => one.is_archived);
  useEffect(() => {
    // Without them the rows say that they are archived cases, and lead to them all the same.
    if (wanted) void archivedTitles(api).then(setTitles, () => undefined);
  }, [api, wanted]);
  return titles;
}

interface LinkProps {
  place: Place;
  go: Go;
  class: string;
  name: string;
  unread?: boolean;
  state?: string;
  children: ComponentChildren;
}

/** A link within the page: a plain press changes the place, anything else is the browser's. */
export function CaseLink({ place, go, class: className, name, unread, state, children }: LinkProps) {
  return (
    <a
      class={className}
      href={addressOf("/cases", place)}
      data-testid={name}
      data-unread={unread}
      data-state={state}
      data-case-id={place.at === "case" ? place.caseId : undefined}
      onClick={(event) => {
        if (!isPlainClick(event)) return;
        event.preventDefault();
        go(place);
      }}
    >
      {children}
    </a>
  );
}

export const unitOf = (units: readonly Unit[] | null, one: Pick<Case, "provider_hsa_id" | "unit_hsa_id">): Unit | null =>
  units?.find((unit) => unit.unit_hsa_id === one.unit_hsa_id && unit.provider_hsa_id === one.provider_hsa_id) ?? null;
