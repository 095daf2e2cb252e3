import type { Conversation, ConversationSnapshot } from "@alltid-oppet/client";
import { useEffect, useState } from "preact/hooks";

/** The conversation as it is now; renders again on every change. */
export function useConversation(conversation: Conversation): ConversationSnapshot {
  const [snapshot, setSnapshot] = useState(conversation.snapshot);
  useEffect(() => {
    setSnapshot(conversation.snapshot);
    return conversation.on("changed", setSnapshot);
  }, [conversation]);
  return snapshot;
}
