import type { ChatFiles, Conversation, MessageView } from "@alltid-oppet/client";
import { type ComponentChildren, h } from "preact";
import { useRef, useState } from "preact/hooks";
import { ClosedNote } from "./ClosedNote";
import { Composer } from "./Composer";
import { type ChatLanguage, LanguageContext, translator } from "./i18n/texts";
import { MessageList } from "./MessageList";
import { refusalText } from "./refusals";
import { useConversation } from "./useConversation";

interface Props {
  conversation: Conversation;
  language: ChatLanguage;
  /** Null: this person neither sends nor fetches files here. */
  files: ChatFiles | null;
  /** Others are told how far one has read, and one is told of them. */
  receipts?: boolean;
  enterSends?: boolean;
  /** Real-time text, where it is offered. */
  live?: boolean | null;
  onLive?: (live: boolean) => void;
  /** `notes`: what is written here stays within the unit. */
  kind?: "messages" | "notes";
  /** Number of a message to go to, found by a search. */
  reveal?: number | null;
  /** What stands in the place of the composer while nothing can be written yet. */
  instead?: ComponentChildren;
  /** What is said instead of the composer once the conversation is closed. */
  closed?: ComponentChildren;
  /** What one has to know before sending. */
  children?: ComponentChildren;
}

/** A conversation: its messages, who writes, and a place to write. Fills its container. */
export function ConversationView(props: Props) {
  const { conversation, language, files, receipts = true, enterSends = false, live = null, onLive = () => undefined } = props;
  const { kind = "messages", reveal = null } = props;
  const t = translator(language);
  const snapshot = useConversation(conversation);
  const [editing, setEditing] = useState<MessageView | null>(null);
  const root = useRef<HTMLDivElement>(null);
  const { status, state, typing, present } = snapshot;
  const here = present.length > 0 ? t("present", { names: present.join(", ") }) : "";
  const writable = state === "open" && status !== "ended";
  // Asked while the composer is still there: a focus in it is lost with it.
  const wasInComposer = !writable && (root.current?.querySelector("form.ao-chat-composer")?.contains(document.activeElement) ?? false);
  const view = (
    <div class="ao-chat" ref={root} lang={language} data-testid={kind === "notes" ? "notes" : "chat"} data-status={status}>
      <MessageList {...{ conversation, snapshot, files, receipts, writable, kind, reveal }} onEdit={setEditing} />
      <p class="ao-chat-typing" data-testid="typing">
        {typing.length > 1 ? t("typing_many") : typing[0] ? t("typing_one", { name: typing[0] }) : here && <span data-testid="present">{here}</span>}
      </p>
      {status === "reconnecting" && (
        <p class="ao-chat-note" role="status">
          {t("reconnecting")}
        </p>
      )}
      {status === "ended" && (
        <p class="ao-chat-note" role="alert">
          {t(state !== "open" && !snapshot.hostsOnly ? "closed" : snapshot.endCode ? refusalText(snapshot.endCode) : "ended")}
        </p>
      )}
      <ClosedNote snapshot={snapshot} writable={writable} takesFocus={wasInComposer} closed={props.closed} />
      {writable && props.instead}
      {writable && !props.instead && (
        <Composer {...{ conversation, files, enterSends, live, onLive, editing, kind }} onDone={() => setEditing(null)}>
          {props.children}
        </Composer>
      )}
    </div>
  );
  return h(LanguageContext.Provider, { value: language, children: view });
}
