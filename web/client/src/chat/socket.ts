/** One socket to the front for messages: typed requests with a deadline. Never reconnects by itself. */
import { type Socket, io } from "socket.io-client";
import * as msgpackParser from "socket.io-msgpack-parser";
import type { ChatClientEvents, ChatCode, ChatServerEvents } from "../chat_protocol";
import { ChatError } from "./errors";

const SERVER_EVENTS: readonly (keyof ChatServerEvents)[] = [
  "chat_event",
  "chat_receipts",
  "chat_typists",
  "chat_presence",
  "chat_text",
  "chat_case",
  "chat_lagging",
  "chat_reset",
  "chat_changed",
  "chat_ended",
];
const REQUEST_TIMEOUT_MS = 8_000;
const OPEN_TIMEOUT_MS = 8_000;

export type ChatServerMessage = {
  [Name in keyof ChatServerEvents]: { name: Name; payload: ChatServerEvents[Name] };
}[keyof ChatServerEvents];

export interface ChatSocketHandlers {
  opened(): void;
  /** The socket is gone, or could not be opened. Nothing follows. */
  lost(): void;
  event(message: ChatServerMessage): void;
}

export interface ChatSocket {
  /** Fails with `ChatError`. */
  request<Name extends keyof ChatClientEvents>(
    name: Name,
    payload: ChatClientEvents[Name]["payload"],
  ): Promise<ChatClientEvents[Name]["reply"]>;
  close(): void;
}

export type ChatSocketFactory = (url: string, handlers: ChatSocketHandlers) => ChatSocket;

type Answer<Reply> = ({ ok: true } & Reply) | { ok: false; error: { code: ChatCode; message: string } };

export const openChatSocket: ChatSocketFactory = (url, handlers) => {
  const socket: Socket = io(url, {
    path: "/socket.io/",
    transports: ["websocket"],
    parser: msgpackParser,
    reconnection: false,
    forceNew: true,
    timeout: OPEN_TIMEOUT_MS,
  });
  let live = true;
  const end = (): void => {
    live = false;
    socket.removeAllListeners();
    socket.disconnect();
  };
  const lost = (): void => {
    if (!live) return;
    end();
    handlers.lost();
  };
  socket.on("connect", () => handlers.opened());
  socket.on("connect_error", lost);
  socket.on("disconnect", lost);
  for (const name of SERVER_EVENTS) {
    socket.on(name, (payload: unknown) => {
      if (live) handlers.event({ name, payload } as ChatServerMessage);
    });
  }
  return {
    async request(name, payload) {
      let answer: Answer<never>;
      try {
        answer = (await socket.timeout(REQUEST_TIMEOUT_MS).emitWithAck(name, payload)) as Answer<never>;
      } catch {
        throw new ChatError("request_timeout", `${name} was not answered in ${REQUEST_TIMEOUT_MS} ms`);
      }
      if (answer.ok) return answer;
      throw new ChatError(answer.error.code, answer.error.message);
    },
    close: end,
  };
};
