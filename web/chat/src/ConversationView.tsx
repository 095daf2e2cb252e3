import type { ChatFiles, Conversation, MessageView } from "@alltid-oppet/client";
import { type ComponentChildren, h } from "preact";
import { useState } from "preact/hooks";
import { Composer } from "./Composer";
import { type ChatLanguage, LanguageContext, translator } from "./i18n/texts";
import { MessageList } from "./MessageList";
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
  /** What one has to know before sending. */
  children?: ComponentChildren;
}

/** A conversation: its messages, who writes, and a place to write. Fills its container. */
export function ConversationView(props: Props) {
  const { conversation, language, files, receipts = true, enterSends = false, live = null, onLive = () => undefined } = props;
  const t = translator(language);
  const snapshot = useConversation(conversation);
  const [editing, setEditing] = useState<MessageView | null>(null);
  const { status, state, typing } = snapshot;
  const writable = state === "open" && status !== "ended";
  const view = (
    <div class="ao-chat" lang={language} data-testid="chat" data-status={status}>
      <MessageList {...{ conversation, snapshot, files, receipts, writable }} onEdit={setEditing} />
      <p class="ao-chat-typing" data-testid="typing">
        {typing.length > 1 ? t("typing_many") : typing[0] ? t("typing_one", { name: typing[0] }) : ""}
      </p>
      {status === "reconnecting" && (
        <p class="ao-chat-note" role="status">
          {t("reconnecting")}
        </p>
      )}
      {status === "ended" && (
        <p class="ao-chat-note" role="alert">
          {t("ended")}
        </p>
      )}
      {status !== "ended" && state !== "open" && <p class="ao-chat-note">{t("closed")}</p>}
      {writable && (
        <Composer {...{ conversation, files, enterSends, live, onLive, editing }} onDone={() => setEditing(null)}>
          {props.children}
        </Composer>
      )}
    </div>
  );
  return h(LanguageContext.Provider, { value: language, children: view });
}
