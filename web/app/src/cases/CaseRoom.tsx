import { Arrivals, Board, ChatLanguageContext, ConversationView, Search, useConversation } from "@alltid-oppet/chat";
import { type ChatClient, type Conversation, HttpFiles } from "@alltid-oppet/client";
import { Icon, useLanguage } from "@alltid-oppet/meeting";
import { h } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Session } from "../api";
import { PersonSwitch } from "../home/PersonSwitch";
import { now as present, useNow } from "../hooks";
import { useText } from "../i18n/texts";
import { useSession } from "../session";
import { Loading, Notice } from "../shell/Notice";
import { ArchivedCase, useArchived } from "./ArchivedCase";
import { type CaseApi, filesPath } from "./api";
import { CaseLink, unitOf } from "./MyCases";
import { isLate, mayReopen } from "./logic";
import type { Go } from "./route";
import { codeText, useCaseText } from "./texts";
import type { Case, Unit } from "./types";
import { useCase } from "./useCase";
import { useOpened } from "./useChat";
import { whenText } from "./when";

interface Props {
  session: Session;
  chat: ChatClient | null;
  cases: CaseApi;
  units: readonly Unit[] | null;
  caseId: string;
  go: Go;
  onChange: (one: Case) => void;
  /** Everything of it has been read. */
  onSeen: () => void;
}

/** One case: where it stands, what was written, and a place to write. */
export function CaseRoom({ session, chat, cases, units, caseId, go, onChange, onSeen }: Props) {
  const t = useText();
  const c = useCaseText();
  const { refused } = useSession();
  const conversation = useOpened(chat, caseId);
  const { state, put, again } = useCase(cases, caseId, conversation, refused, onChange);
  if (state.status === "loading") return <Loading />;
  if (state.status === "failed") {
    const isMissing = state.error.status === 404 || state.error.status === 403;
    return (
      <div class="ap-column">
        <Notice
          icon={isMissing ? "lock" : "warning"}
          title={c(isMissing ? "case_missing_title" : "cases_failed_title")}
          text={c(codeText(state.error.code))}
          code={state.error.code}
        >
          {!isMissing && (
            <button type="button" class="ds-button" onClick={() => void again()}>
              {t("retry")}
            </button>
          )}
          <CaseLink place={{ at: "list" }} go={go} class="ds-link" name="back">
            {c("back")}
          </CaseLink>
        </Notice>
        {isMissing && session.proxies.length > 0 && (
          <div class="ap-narrow">
            <PersonSwitch session={session} legend={c("case_missing_proxy")} />
          </div>
        )}
      </div>
    );
  }
  if (state.one.is_archived) return <ArchivedRoom go={go} one={state.one} unit={unitOf(units, state.one)} />;
  return <Room {...{ conversation, cases, go, put, again, onSeen }} one={state.one} unit={unitOf(units, state.one)} />;
}

/** A case that nobody can open again: the record has its words, to be read as they were. */
function ArchivedRoom({ one, unit, go }: { one: Case; unit: Unit | null; go: Go }) {
  const c = useCaseText();
  const heading = useRef<HTMLHeadingElement>(null);
  const { found, again } = useArchived(one.case_id);
  useEffect(() => heading.current?.focus({ preventScroll: true }), [one.case_id]);
  return (
    <div class="ap-room" data-testid="case-room" data-state={one.state} data-archived="true">
      <div class="ap-room-head">
        <CaseLink place={{ at: "list" }} go={go} class="ds-link ap-back" name="back">
          <Icon name="previous" />
          {c("back")}
        </CaseLink>
        <h1 class="ds-heading" data-size="xs" ref={heading} tabIndex={-1}>
          {found.status === "here" ? found.archived.title : c("archived_case")}
        </h1>
        {unit && <p class="ap-hint">{unit.name}</p>}
        <p class="ap-room-state" data-testid="case-state">
          <span class="ds-tag" data-color="neutral">
            {c("state_closed")}
          </span>{" "}
          <span>{c("archived_text")}</span>
        </p>
      </div>
      <ArchivedCase conversationId={one.case_id} found={found} again={again} />
    </div>
  );
}

interface RoomProps {
  one: Case;
  unit: Unit | null;
  conversation: Conversation | null;
  cases: CaseApi;
  go: Go;
  put: (one: Case) => void;
  again: () => Promise<void>;
  onSeen: () => void;
}

function Room({ one, unit, conversation, cases, go, put, again, onSeen }: RoomProps) {
  const c = useCaseText();
  const { language } = useLanguage();
  const { api } = useSession();
  const now = useNow(30);
  const heading = useRef<HTMLHeadingElement>(null);
  const [searching, setSearching] = useState(false);
  const [reveal, setReveal] = useState<number | null>(null);
  const files = useMemo(() => new HttpFiles(filesPath(one.case_id), () => api.headers()), [api, one.case_id]);
  useEffect(() => heading.current?.focus({ preventScroll: true }), [one.case_id]);
  const late = isLate(one, now) && one.answer_by !== null;
  return (
    <div class="ap-room" data-testid="case-room" data-state={one.state}>
      <div class="ap-room-head">
        <CaseLink place={{ at: "list" }} go={go} class="ds-link ap-back" name="back">
          <Icon name="previous" />
          {c("back")}
        </CaseLink>
        <div class="ap-room-title">
          <div>
            <h1 class="ds-heading" data-size="xs" ref={heading} tabIndex={-1}>
              {one.subject}
            </h1>
            {unit && <p class="ap-hint">{unit.name}</p>}
          </div>
          <button
            type="button"
            class="ds-button"
            data-variant="tertiary"
            data-icon
            data-testid="toggle-search"
            aria-label={c("find")}
            aria-expanded={searching}
            onClick={() => setSearching(!searching)}
          >
            <Icon name="search" />
          </button>
        </div>
        <p class="ap-room-state" role="status" data-testid="case-state">
          <span class="ds-tag" data-color={one.state === "awaiting_patient" ? "success" : "neutral"}>
            {c(`state_${one.state}`)}
          </span>{" "}
          <span>
            {late
              ? unit?.phone
                ? c("answer_late", { when: whenText(language, one.answer_by!, now), phone: unit.phone })
                : c("answer_late_no_phone", { when: whenText(language, one.answer_by!, now) })
              : c(`state_${one.state}_text`)}
          </span>
        </p>
      </div>
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
            closed={<Closed one={one} cases={cases} put={put} again={again} />}
          >
            {unit ? <Board unit={unit} /> : <p class="ao-chat-board">{c("new_emergency")}</p>}
          </ConversationView>
        </>
      ) : (
        <Loading />
      )}
    </div>
  );
}

/** Says when nothing is unread any more. */
export function Seen({ conversation, onSeen }: { conversation: Conversation; onSeen: () => void }) {
  const { status, unread } = useConversation(conversation);
  const isSeen = status === "live" && unread === 0;
  useEffect(() => {
    if (isSeen) onSeen();
  }, [isSeen]);
  return null;
}

/** In the place of the composer once the case is closed: that it is, and the way to open it again. */
function Closed({ one, cases, put, again }: { one: Case; cases: CaseApi; put: (one: Case) => void; again: () => Promise<void> }) {
  const c = useCaseText();
  const { language } = useLanguage();
  const { refused } = useSession();
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<string | null>(null);
  const now = present();
  // The conversation may hear of it a moment before the case is asked for again.
  if (one.state !== "closed") return <p class="ao-chat-note">{c("state_closed_text")}</p>;
  const may = mayReopen(one, now);
  const reopen = (): void => {
    if (busy) return;
    setBusy(true);
    setFailed(null);
    cases
      .act(one.case_id, "reopen")
      .then(put, (error: unknown) => {
        const refusal = refused(error);
        if (!refusal.needsLogin) setFailed(refusal.code);
        void again();
      })
      .finally(() => setBusy(false));
  };
  return (
    <div class="ap-closed" data-testid="case-closed">
      <p>
        <strong>{c("case_closed_title")}</strong>{" "}
        {may ? c("case_closed_until", { when: whenText(language, one.reopen_until!, now) }) : c("case_closed_over")}
      </p>
      {failed && (
        <p class="ds-validation-message" role="alert">
          {c("case_reopen_failed")} {c(codeText(failed))}
        </p>
      )}
      {may && (
        <button type="button" class="ds-button" data-testid="reopen" aria-busy={busy} aria-disabled={busy} onClick={reopen}>
          {c("case_reopen")}
        </button>
      )}
    </div>
  );
}
