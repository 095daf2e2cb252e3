import { ChatClient, type Conversation, unsentOf } from "@alltid-oppet/client";
import { useEffect, useState } from "preact/hooks";
import type { Session } from "../api";
import { useSession } from "../session";

/** One's socket for messages, by the login's cookie; another one for each person that one acts for. */
export function useChat(session: Session): ChatClient | null {
  const { reload } = useSession();
  const [client, setClient] = useState<ChatClient | null>(null);
  const { person_key: owner, acting_for: other, commission } = session;
  useEffect(() => {
    const chat = new ChatClient({ url: location.origin, owner });
    // The server says that nobody is logged in any more: the page says so too.
    chat.on("changed", (state) => void (state === "closed" && chat.endCode && reload()));
    // What was written before the page was loaded anew goes out now, whichever case is looked at.
    for (const conversationId of unsentOf(owner)) leaveWhenSent(chat, chat.open(conversationId));
    chat.start();
    setClient(chat);
    return () => {
      setClient(null);
      chat.close();
    };
  }, [owner, other?.subject, commission?.commission_hsa_id]);
  return client;
}

/** A conversation while it is on the screen, and after that until everything is sent. */
export function useOpened(chat: ChatClient | null, conversationId: string | null): Conversation | null {
  const [conversation, setConversation] = useState<Conversation | null>(null);
  useEffect(() => {
    if (!chat || !conversationId) return undefined;
    const opened = chat.open(conversationId);
    onScreen.add(opened);
    setConversation(opened);
    return () => {
      setConversation(null);
      onScreen.delete(opened);
      leaveWhenSent(chat, opened);
    };
  }, [chat, conversationId]);
  return conversation?.id === conversationId ? conversation : null;
}

const onScreen = new WeakSet<Conversation>();

/** Read it no more once nothing waits to be sent; what was refused waits for its author. */
export function leaveWhenSent(chat: ChatClient, conversation: Conversation): void {
  const isWaiting = (): boolean => conversation.snapshot.messages.some(({ status }) => status === "waiting");
  let stop: () => void = () => undefined;
  const look = (): void => {
    const { status } = conversation.snapshot;
    if (onScreen.has(conversation)) stop();
    else if (status === "ended" || !isWaiting()) {
      stop();
      chat.leave(conversation);
    }
  };
  stop = conversation.on("changed", look);
  look();
}
