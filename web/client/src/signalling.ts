/** One socket to the front: typed requests with a deadline, typed server events. Never reconnects by itself. */
import { io, type Socket } from "socket.io-client";
import * as msgpackParser from "socket.io-msgpack-parser";
import { type FailureCode, MeetingError } from "./errors";
import type { Acknowledgement, ClientEvents, ServerEvents } from "./protocol";

const SERVER_EVENTS: readonly (keyof ServerEvents)[] = [
  "participant_joined",
  "participant_changed",
  "participant_left",
  "slots",
  "speakers",
  "waiting",
  "waiting_changed",
  "admitted",
  "reconnect",
  "closed",
];

/** A join may wait for a worker to answer (5 s at the front) before the front does. */
const REQUEST_TIMEOUT_MS = 8_000;
const OPEN_TIMEOUT_MS = 8_000;

export interface SignallingHandlers {
  opened(): void;
  /** The socket is gone, or could not be opened. Nothing follows. */
  lost(): void;
  event<Name extends keyof ServerEvents>(name: Name, payload: ServerEvents[Name]): void;
}

export interface Signalling {
  request<Name extends keyof ClientEvents>(
    name: Name,
    payload: ClientEvents[Name]["payload"],
  ): Promise<ClientEvents[Name]["reply"]>;
  close(): void;
}

export type SignallingFactory = (url: string, handlers: SignallingHandlers) => Signalling;

export const openSocket: SignallingFactory = (url, handlers) => {
  const socket: Socket = io(url, {
    path: "/socket.io/",
    transports: ["websocket"],
    parser: msgpackParser,
    reconnection: false,
    forceNew: true,
    timeout: OPEN_TIMEOUT_MS,
  });
  let live = true;
  const finish = (): void => {
    if (!live) return;
    live = false;
    socket.removeAllListeners();
    socket.disconnect();
    handlers.lost();
  };
  socket.on("connect", () => handlers.opened());
  socket.on("connect_error", finish);
  socket.on("disconnect", finish);
  for (const name of SERVER_EVENTS) {
    socket.on(name, (payload: ServerEvents[typeof name]) => {
      if (live) handlers.event(name, payload);
    });
  }
  return {
    async request(name, payload) {
      let answer: Acknowledgement<never>;
      try {
        answer = (await socket.timeout(REQUEST_TIMEOUT_MS).emitWithAck(name, payload)) as Acknowledgement<never>;
      } catch {
        throw new MeetingError("request_timeout", `${name} was not answered in ${REQUEST_TIMEOUT_MS} ms`);
      }
      if (answer.ok) return answer;
      throw new MeetingError(answer.error.code, answer.error.message);
    },
    close() {
      live = false;
      socket.removeAllListeners();
      socket.disconnect();
    },
  };
};

export function failureCode(error: unknown): FailureCode {
  return error instanceof MeetingError ? error.code : "internal";
}
