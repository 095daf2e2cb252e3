import type { ChatClientEvents, ChatHelloReply } from "../chat_protocol";

/** What a conversation asks of the client that holds the socket. */
export interface Carrier {
  readonly ready: boolean;
  /** What the server said at the last greeting. */
  readonly hello: ChatHelloReply | null;
  /** Fails with `ChatError`; with `unreachable` as soon as the socket is gone. */
  request<Name extends keyof ChatClientEvents>(
    name: Name,
    payload: ChatClientEvents[Name]["payload"],
  ): Promise<ChatClientEvents[Name]["reply"]>;
  /** Something of the conversation is missing: ask for it. */
  resume(conversationId: string): void;
  /** The socket does not do what it should: take another. */
  distrust(): void;
}
