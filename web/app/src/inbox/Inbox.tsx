import { Icon } from "@alltid-oppet/meeting";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Session } from "../api";
import { caseApi } from "../cases/api";
import { type Filter, counts, inboxOrder, isClosed, isIn, merged, withoutUnread } from "../cases/logic";
import type { Go, Place } from "../cases/route";
import { codeText, useCaseText } from "../cases/texts";
import type { Case } from "../cases/types";
import { useCases } from "../cases/useCases";
import { useChat } from "../cases/useChat";
import { useUnits } from "../cases/PatientCases";
import { useMedia, useNow } from "../hooks";
import { useSession } from "../session";
import { Filters } from "./Filters";
import { InboxList } from "./InboxList";
import { InboxSearch } from "./InboxSearch";
import { StaffNewCase } from "./StaffNewCase";
import { StaffCase } from "./StaffCase";
import { useUnitNews } from "./useUnitNews";

/** Changes are told over the socket; this is for when one was missed all the same. */
const LIST_S = 300;
/** From here on list and case stand side by side. */
export const WIDE = "(min-width: 60rem)";

interface Props {
  session: Session;
  place: Place;
  go: Go;
  moved: boolean;
}

/** The unit's cases on the left, the one that is open on the right; on small screens one of the two. */
export function Inbox({ session, place, go, moved }: Props) {
  const c = useCaseText();
  const { api, refused } = useSession();
  const cases = useMemo(() => caseApi(api), [api]);
  const chat = useChat(session);
  const now = useNow(30);
  const wide = useMedia(WIDE);
  const [filter, setFilter] = useState<Filter>("open");
  const [found, setFound] = useState<{ query: string; cases: Case[] } | null>(null);
  const [said, setSaid] = useState("");
  const list = useRef<HTMLDivElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const open = useCases("open", (unasked) => cases.list(false, unasked), refused, LIST_S);
  const closed = useCases("closed", (unasked) => cases.list(true, unasked), refused, LIST_S, filter === "closed");
  const units = useUnits((unasked) => cases.units(unasked));
  const caseId = place.at === "case" ? place.caseId : null;

  const put = (id: string, one: Case | null): void => {
    open.put(id, one && !isClosed(one) ? one : null);
    closed.put(id, one && isClosed(one) ? one : null);
    setFound((before) => before && { ...before, cases: before.cases.some((other) => other.case_id === id) ? merged(before.cases, id, one) : before.cases });
  };
  const look = async (id: string): Promise<void> => {
    try {
      const one = await cases.listed(id);
      put(id, one);
      if (one?.is_unread && id !== caseId) setSaid(c("inbox_news", { subject: one.subject }));
    } catch (error) {
      refused(error);
    }
  };
  useUnitNews(
    chat,
    (id) => void look(id),
    () => {
      void open.again(true);
      if (filter === "closed") void closed.again(true);
    },
  );
  const search = async (query: string): Promise<void> => setFound({ query, cases: await cases.search(query) });

  const shown = found ? inboxOrder(found.cases) : inboxOrder((filter === "closed" ? closed : open).cases.filter((one) => isIn(filter, one, now)));
  const current = found ? null : filter === "closed" ? closed : open;
  const focusList = (): void => {
    const row = list.current?.querySelector<HTMLElement>("[aria-current=true]") ?? list.current?.querySelector<HTMLElement>("a[data-testid=case]");
    (row ?? heading.current)?.focus();
  };
  const leave = (): void => {
    if (wide) focusList();
    else go({ at: "list" });
  };
  useEffect(() => {
    if (moved && place.at === "list") heading.current?.focus({ preventScroll: true });
  }, [place.at]);
  const showsList = wide || place.at === "list";
  return (
    <div class="ap-inbox" data-testid="inbox" data-loaded={open.status} data-has-case={place.at !== "list"}>
      {!showsList && <h1 class="ds-sr-only">{c("inbox")}</h1>}
      {showsList && (
        <section class="ap-inbox-side" aria-labelledby="inbox-title">
          <div class="ap-inbox-head">
            <div class="ap-inbox-title">
              <h1 id="inbox-title" class="ds-heading" data-size="xs" ref={heading} tabIndex={-1}>
                {c("inbox")}
              </h1>
              <p class="ap-hint" data-testid="commission-name">
                {session.commission!.name}
              </p>
              <button type="button" class="ds-button" data-variant="secondary" data-testid="staff-new" onClick={() => go({ at: "new" })}>
                <Icon name="chat" />
                {c("staff_new")}
              </button>
            </div>
            <InboxSearch onSearch={search} onClear={() => setFound(null)} isFound={found !== null} />
            {!found && <Filters chosen={filter} counts={counts(open.cases, now)} onChoose={setFilter} />}
          </div>
          <div class="ap-inbox-scroll" ref={list}>
            {found && (
              <p class="ap-inbox-found" role="status">
                {found.cases.length > 0 ? c("inbox_found", { query: found.query }) : c("inbox_found_none")}
              </p>
            )}
            {current?.stale && (
              <p class="ap-stale" role="status">
                {c("inbox_offline")}
              </p>
            )}
            <InboxList
              cases={shown}
              list={current}
              chosen={caseId}
              now={now}
              label={c("inbox_list", { filter: c(found ? "inbox_search" : `filter_${filter}`) })}
              empty={found ? "" : c(filter === "open" ? "inbox_none_open" : "inbox_none")}
              failure={current?.error ? c(codeText(current.error.code)) : ""}
              go={go}
            />
          </div>
          <p class="ds-sr-only" role="status" data-testid="inbox-news">
            {said}
          </p>
        </section>
      )}
      {place.at === "new" ? (
        <StaffNewCase {...{ session, chat, cases, go }} onOpened={() => void open.again(true)} />
      ) : caseId !== null ? (
        <StaffCase
          key={caseId}
          {...{ session, chat, cases, units, caseId, go, wide }}
          onChange={(one) => put(one.case_id, one)}
          onGone={() => {
            put(caseId, null);
            go({ at: "list" });
          }}
          onSeen={() => open.change((all) => withoutUnread(all, caseId))}
          onLeave={leave}
        />
      ) : (
        wide && (
          <section class="ap-inbox-none">
            <h2 class="ds-heading" data-size="2xs">
              {c("inbox_choose_title")}
            </h2>
            <p>{c("inbox_choose_text")}</p>
          </section>
        )
      )}
    </div>
  );
}
