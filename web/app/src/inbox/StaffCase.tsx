import { Arrivals, ChatLanguageContext, ConversationView, Search, useConversation } from "@alltid-oppet/chat";
import { type ChatClient, type Conversation, HttpFiles } from "@alltid-oppet/client";
import { Icon, useLanguage } from "@alltid-oppet/meeting";
import { h } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Session } from "../api";
import { ArchivedCase, useArchived } from "../cases/ArchivedCase";
import { type CaseApi, filesPath } from "../cases/api";
import { Seen } from "../cases/CaseRoom";
import { isClosed, isLate, isWaiting, mayReopen } from "../cases/logic";
import type { Go } from "../cases/route";
import { codeText, useCaseText } from "../cases/texts";
import type { Case, Unit } from "../cases/types";
import { useCase } from "../cases/useCase";
import { useOpened } from "../cases/useChat";
import { whenText } from "../cases/when";
import { useMedia, useNow } from "../hooks";
import { useText } from "../i18n/texts";
import { useSession } from "../session";
import { Loading, Notice } from "../shell/Notice";
import { type CaseActs, useActs } from "./useActs";
import { CloseDialog, GiveDialog } from "./dialogs";

/** From here on messages and notes stand side by side. */
const BOTH = "(min-width: 75rem)";

interface Props {
  session: Session;
  chat: ChatClient | null;
  cases: CaseApi;
  units: readonly Unit[] | null;
  caseId: string;
  go: Go;
  wide: boolean;
  onChange: (one: Case) => void;
  /** It is no longer this unit's. */
  onGone: () => void;
  onSeen: () => void;
  /** Back to the list, by Escape. */
  onLeave: () => void;
}

/** One case at the unit's desk: what is written with the patient, beside the notes that the patient never sees. */
export function StaffCase(props: Props) {
  const { chat, cases, caseId, go, wide, onChange } = props;
  const t = useText();
  const c = useCaseText();
  const { refused } = useSession();
  const conversation = useOpened(chat, caseId);
  const { state, put, again } = useCase(cases, caseId, conversation, refused, onChange);
  const back = !wide && (
    <button type="button" class="ds-button ap-back" data-variant="tertiary" data-testid="back" onClick={() => go({ at: "list" })}>
      <Icon name="previous" />
      {c("back_to_list")}
    </button>
  );
  if (state.status === "loading") {
    return (
      <section class="ap-desk">
        {back}
        <Loading />
      </section>
    );
  }
  if (state.status === "failed") {
    const isMissing = state.error.status === 404 || state.error.status === 403;
    return (
      <section class="ap-desk">
        {back}
        <Notice
          icon={isMissing ? "lock" : "warning"}
          title={c(isMissing ? "case_missing_title" : "cases_failed_title")}
          text={c(codeText(state.error.code))}
          code={state.error.code}
          level={2}
        >
          {!isMissing && (
            <button type="button" class="ds-button" onClick={() => void again()}>
              {t("retry")}
            </button>
          )}
        </Notice>
      </section>
    );
  }
  if (state.one.is_archived) return <ArchivedDesk one={state.one} back={back} />;
  return <Desk {...props} one={state.one} conversation={conversation} back={back} put={put} again={again} />;
}

interface DeskProps extends Props {
  one: Case;
  conversation: Conversation | null;
  back: preact.ComponentChild;
  put: (one: Case) => void;
  again: () => Promise<void>;
}

function Desk({ chat, cases, units, one, conversation, back, put, again, onGone, onSeen, onLeave }: DeskProps) {
  const c = useCaseText();
  const { language } = useLanguage();
  const { api } = useSession();
  const now = useNow(30);
  const both = useMedia(BOTH);
  const heading = useRef<HTMLHeadingElement>(null);
  const notes = useOpened(chat, one.notes_id);
  const acts = useActs(cases, one, put, again, onGone);
  const [panel, setPanel] = useState<"messages" | "notes">("messages");
  const [searching, setSearching] = useState(false);
  const [reveal, setReveal] = useState<number | null>(null);
  const files = useMemo(() => new HttpFiles(filesPath(one.case_id), () => api.headers()), [api, one.case_id]);
  const noteFiles = useMemo(() => new HttpFiles(filesPath(one.case_id, true), () => api.headers()), [api, one.case_id]);
  useEffect(() => heading.current?.focus({ preventScroll: true }), [one.case_id]);
  const escape = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && !event.defaultPrevented && !(event.target as HTMLElement).closest("dialog")) onLeave();
  };
  const late = isLate(one, now);
  const holder = one.assignee === null ? c("nobody") : one.is_mine ? c("you_have_it") : one.assignee_name ? c("has_it", { name: one.assignee_name }) : c("somebody_has_it");
  return (
    <section class="ap-desk" aria-labelledby="desk-title" data-testid="desk" data-case-id={one.case_id} data-state={one.state} onKeyDown={escape}>
      <header class="ap-desk-head">
        {back}
        <div class="ap-desk-title">
          <h2 id="desk-title" class="ds-heading" data-size="xs" ref={heading} tabIndex={-1}>
            {one.patient_name || c("patient_unnamed")}
          </h2>
          {one.is_protected && <ProtectedMark />}
          <p class="ap-desk-subject">{one.subject}</p>
          {!one.patient_name && <p class="ap-hint">{c("patient_unnamed_text")}</p>}
          <p class="ap-desk-facts">
            <span class="ds-tag" data-color={isWaiting(one) ? "accent" : "neutral"} data-testid="desk-state">
              {c(`staff_state_${one.state}`)}
            </span>
            {!isClosed(one) && <span data-testid="holder">{holder}</span>}
            {one.answer_by !== null && (
              <span class={late ? "ap-due ap-due-late" : "ap-due"} data-testid="due">
                {c(late ? "due_late" : "due", { when: whenText(language, one.answer_by, now) })}
              </span>
            )}
          </p>
        </div>
        <Acts {...{ one, acts, now }} searching={searching} onSearch={() => setSearching(!searching)} />
        <p class="ap-desk-said" role="status" data-testid="desk-said">
          {acts.said && c(acts.said)}
        </p>
        {acts.failed && (
          <p class="ds-validation-message" role="alert" data-testid="desk-failed" data-code={acts.failed}>
            {c(codeText(acts.failed))}
          </p>
        )}
      </header>
      {!both && (
        <div class="ap-tabs" role="group" aria-label={c("inbox_filters")}>
          {(["messages", "notes"] as const).map((name) => (
            <button key={name} type="button" class="ap-tab" data-testid={`tab-${name}`} data-panel={name} aria-pressed={panel === name} onClick={() => setPanel(name)}>
              <Icon name={name === "notes" ? "note" : "chat"} />
              {c(`tab_${name}`)}
              {panel !== name && <Unread conversation={name === "notes" ? notes : conversation} />}
            </button>
          ))}
        </div>
      )}
      <div class="ap-panels">
        {(both || panel === "messages") && (
          <section class="ap-messages" aria-labelledby="messages-title">
            <h3 id="messages-title" class={both ? "ap-panel-title" : "ds-sr-only"}>
              {c("messages_title")}
            </h3>
            {conversation ? (
              <>
                <Seen conversation={conversation} onSeen={onSeen} />
                <Arrivals conversation={conversation} language={language} open />
                {searching && h(ChatLanguageContext.Provider, { value: language, children: <Search conversation={conversation} onReveal={setReveal} /> })}
                <ConversationView
                  conversation={conversation}
                  language={language}
                  files={files}
                  reveal={reveal}
                  instead={isWaiting(one) ? <TakeFirst acts={acts} /> : undefined}
                  closed={<p class="ap-closed">{mayReopen(one, now) ? c("staff_closed_until", { when: whenText(language, one.reopen_until!, now) }) : c("staff_closed_over")}</p>}
                >
                  <p class="ap-hint">{c("messages_text")}</p>
                </ConversationView>
              </>
            ) : (
              <Loading />
            )}
          </section>
        )}
        {(both || panel === "notes") && (
          <section class="ap-notes" aria-labelledby="notes-title" data-testid="notes-panel">
            <div class="ap-notes-head">
              <Icon name="lock" />
              <div>
                <h3 id="notes-title">{c("notes_title")}</h3>
                <p>{c("notes_text")}</p>
              </div>
            </div>
            {notes ? <ConversationView conversation={notes} language={language} files={noteFiles} kind="notes" receipts={false} closed={null} /> : <Loading />}
          </section>
        )}
      </div>
      <CloseDialog open={acts.dialog === "close"} acts={acts} one={one} />
      <GiveDialog open={acts.dialog === "give"} acts={acts} one={one} cases={cases} units={units ?? []} />
    </section>
  );
}

/** A case that only the record has: its messages, and the notes, to be read. */
function ArchivedDesk({ one, back }: { one: Case; back: preact.ComponentChild }) {
  const c = useCaseText();
  const heading = useRef<HTMLHeadingElement>(null);
  const messages = useArchived(one.case_id);
  const [withNotes, setWithNotes] = useState(false);
  // Every reading stands in the log: the notes are asked for when somebody wants them.
  const notes = useArchived(withNotes ? one.notes_id : null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), [one.case_id]);
  return (
    <section class="ap-desk" aria-labelledby="desk-title" data-testid="desk" data-case-id={one.case_id} data-state={one.state} data-archived="true">
      <header class="ap-desk-head">
        {back}
        <div class="ap-desk-title">
          <h2 id="desk-title" class="ds-heading" data-size="xs" ref={heading} tabIndex={-1}>
            {one.patient_name || c("patient_unnamed")}
          </h2>
          {one.is_protected && <ProtectedMark />}
          <p class="ap-desk-subject">{messages.found.status === "here" ? messages.found.archived.title : c("archived_case")}</p>
          <p class="ap-desk-facts">
            <span class="ds-tag" data-color="neutral" data-testid="desk-state">
              {c("staff_state_closed")}
            </span>
            <span>{c("staff_archived_text")}</span>
          </p>
        </div>
      </header>
      <div class="ap-panels">
        <section class="ap-messages" aria-label={c("messages_title")}>
          <ArchivedCase conversationId={one.case_id} {...messages} />
        </section>
        {one.notes_id !== null && (
          <section class="ap-notes" aria-labelledby="notes-title" data-testid="notes-panel">
            <div class="ap-notes-head">
              <Icon name="lock" />
              <div>
                <h3 id="notes-title">{c("notes_title")}</h3>
                {!withNotes && (
                  <button type="button" class="ds-button" data-variant="secondary" data-size="sm" data-testid="archived-notes" onClick={() => setWithNotes(true)}>
                    {c("archived_notes")}
                  </button>
                )}
              </div>
            </div>
            {withNotes && <ArchivedCase conversationId={one.notes_id} {...notes} kind="notes" />}
          </section>
        )}
      </div>
    </section>
  );
}

/** What can be done with the case as it is. */
function Acts({ one, acts, now, searching, onSearch }: { one: Case; acts: CaseActs; now: number; searching: boolean; onSearch: () => void }) {
  const c = useCaseText();
  const closed = isClosed(one);
  return (
    <div class="ap-desk-acts">
      {isWaiting(one) && (
        <button type="button" class="ds-button" data-testid="take" aria-busy={acts.busy} aria-disabled={acts.busy} onClick={acts.take}>
          {c("take")}
        </button>
      )}
      {!closed && (
        <button type="button" class="ds-button" data-variant="secondary" data-testid="give" onClick={() => acts.ask("give")}>
          {c("give")}
        </button>
      )}
      {!closed && (
        <button type="button" class="ds-button" data-variant="secondary" data-testid="close-case" onClick={() => acts.ask("close")}>
          {c("close_case")}
        </button>
      )}
      {closed && mayReopen(one, now) && (
        <button type="button" class="ds-button" data-variant="secondary" data-testid="reopen" aria-busy={acts.busy} aria-disabled={acts.busy} onClick={acts.reopen}>
          {c("reopen")}
        </button>
      )}
      <button type="button" class="ds-button" data-variant="tertiary" data-icon data-testid="toggle-search" aria-label={c("find")} aria-expanded={searching} onClick={onSearch}>
        <Icon name="search" />
      </button>
    </div>
  );
}

/** In the place of the composer while nobody has the case. */
function TakeFirst({ acts }: { acts: CaseActs }) {
  const c = useCaseText();
  return (
    <div class="ap-closed" data-testid="take-first">
      <p>
        <strong>{c("take_first_title")}</strong> {c("take_first_text")}
      </p>
      <button type="button" class="ds-button" aria-busy={acts.busy} aria-disabled={acts.busy} onClick={acts.take}>
        {c("take")}
      </button>
    </div>
  );
}

function Unread({ conversation }: { conversation: Conversation | null }) {
  return conversation && <UnreadCount conversation={conversation} />;
}

function UnreadCount({ conversation }: { conversation: Conversation }) {
  const c = useCaseText();
  const { unread } = useConversation(conversation);
  if (unread === 0) return null;
  return (
    <span class="ap-count">
      {unread}
      <span class="ds-sr-only"> {c("unread")}</span>
    </span>
  );
}

/** Whoever has the case in front of them must not tell anybody where the patient is. */
function ProtectedMark(): h.JSX.Element {
  const c = useCaseText();
  return (
    <p class="ap-desk-facts">
      <span class="ds-tag" data-color="danger" data-testid="desk-protected">
        {c("patient_protected")}
      </span>
      <span class="ap-hint">{c("patient_protected_text")}</span>
    </p>
  );
}
