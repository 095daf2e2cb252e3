import { ChatClient, type ChatFiles, type Conversation, HttpFiles, type MeetingClient, readToken } from "@alltid-oppet/client";
import { useEffect, useState } from "preact/hooks";

/** A meeting's chat, as its room shows it. */
export interface RoomChat {
  conversation: Conversation;
  /** Interpreters get none: what is in them is not theirs to know. */
  files: ChatFiles;
}

/** The chat of the meeting, while one is in it; over a socket of its own, with the meeting's token. */
export function useMeetingChat(client: MeetingClient, url: string, inRoom: boolean): RoomChat | null {
  const [chat, setChat] = useState<RoomChat | null>(null);
  useEffect(() => {
    const claims = inRoom && client.token ? readToken(client.token) : null;
    if (!claims) return undefined;
    const token = (): string => client.token ?? "";
    const messages = new ChatClient({ url, owner: `${claims.room}:${claims.identity}`, token });
    const conversation = messages.open(`meeting-${claims.room}`);
    const files = new HttpFiles("/api/meeting-files", () => ({ Authorization: `Bearer ${token()}` }));
    setChat({ conversation, files });
    messages.start();
    return () => {
      messages.close();
      setChat(null);
    };
  }, [client, url, inRoom]);
  return chat;
}
