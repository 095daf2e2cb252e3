import type { ChatFiles, Conversation, ConversationSnapshot, MessageView } from "@alltid-oppet/client";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useTranslate } from "./i18n/texts";
import { Messages } from "./Messages";

/** So near the end counts as being there, in pixels. */
const NEAR = 48;

interface Props {
  conversation: Conversation;
  snapshot: ConversationSnapshot;
  files: ChatFiles | null;
  receipts: boolean;
  writable: boolean;
  kind: "messages" | "notes";
  reveal: number | null;
  onEdit: (message: MessageView) => void;
}

/** The messages, the newest last; stays at the end while one reads there, and reads back by the page. */
export function MessageList({ conversation, snapshot, files, receipts, writable, kind, reveal, onEdit }: Props) {
  const t = useTranslate();
  const list = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const [behind, setBehind] = useState(false);
  const [olderFailed, setOlderFailed] = useState(false);
  const { messages, drafts } = snapshot;
  const last = messages.at(-1);

  const toEnd = (): void => list.current!.scrollTo({ top: list.current!.scrollHeight });
  const seen = (): void => {
    if (atEnd.current && document.visibilityState === "visible") conversation.markRead();
  };
  useLayoutEffect(() => {
    if (atEnd.current || last?.status === "waiting") toEnd();
    else setBehind(true);
    seen();
  }, [last?.clientId, messages.length, drafts]);
  useEffect(() => {
    document.addEventListener("visibilitychange", seen);
    return () => document.removeEventListener("visibilitychange", seen);
  }, [conversation]);
  useEffect(() => {
    if (reveal === null) return undefined;
    let left = false;
    void conversation.reach(reveal).then(
      (there) => {
        const message = list.current?.querySelector<HTMLElement>(`[data-seq="${reveal}"]`);
        if (left || !there || !message) return;
        atEnd.current = false;
        message.scrollIntoView({ block: "center" });
        message.focus({ preventScroll: true });
      },
      () => setOlderFailed(true),
    );
    return () => {
      left = true;
    };
  }, [conversation, reveal]);
  const scrolled = (): void => {
    const { scrollTop, scrollHeight, clientHeight } = list.current!;
    atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR;
    if (atEnd.current) {
      setBehind(false);
      seen();
    }
  };
  const older = async (): Promise<void> => {
    const { scrollHeight } = list.current!;
    setOlderFailed(false);
    try {
      await conversation.loadOlder();
    } catch {
      setOlderFailed(true);
    }
    // What one was looking at stays where it is.
    requestAnimationFrame(() => list.current?.scrollBy({ top: list.current.scrollHeight - scrollHeight }));
  };
  return (
    <div class="ao-chat-scroll">
      {/* New messages are said by Arrivals: a live log would also read older pages aloud. */}
      <div class="ao-chat-log" ref={list} role="log" aria-live="off" aria-label={t(kind === "notes" ? "log_notes" : "log")} tabIndex={0} onScroll={scrolled} data-testid="chat-log">
        {snapshot.hasOlder && (
          <button type="button" class="ds-button" data-variant="tertiary" data-size="sm" data-testid="older" onClick={() => void older()}>
            {t("older")}
          </button>
        )}
        {olderFailed && <p role="alert">{t("older_failed")}</p>}
        {snapshot.status === "opening" && <p class="ao-chat-system">{t("opening")}</p>}
        {snapshot.status !== "opening" && messages.length === 0 && <p class="ao-chat-system">{t(kind === "notes" ? "empty_notes" : "empty")}</p>}
        <Messages {...{ messages, conversation, files, receipts, writable, reveal, onEdit }} />
        {drafts.map((draft) => (
          <article key={draft.author} class="ao-chat-message ao-chat-draft" data-testid="draft">
            <p class="ao-chat-meta">{t("drafting", { name: draft.authorName })}</p>
            <div class="ao-chat-bubble">
              <p data-testid="draft-text">{draft.text}</p>
            </div>
          </article>
        ))}
      </div>
      {behind && (
        <button type="button" class="ds-button ao-chat-newest" data-size="sm" onClick={toEnd}>
          {t("newest")}
        </button>
      )}
    </div>
  );
}
