/** What goes into the reconnect machine, what comes out, and its times. */
import type { EndCode, FailureCode } from "./errors";

/** `waiting`: in the waiting room, nothing sent or received, until a host admits. */
export type SessionState = "idle" | "joining" | "waiting" | "connected" | "reconnecting" | "closed";

/** What the shell must do. Every request command is answered by exactly one `*_ok` or `*_failed` event. */
export type Command =
  | { do: "open_socket" }
  | { do: "close_socket" }
  /** Ask to be let in. */
  | { do: "wait" }
  /** Make a new peer connection and join with its offer. */
  | { do: "join"; withResumeToken: boolean }
  | { do: "resume" }
  | { do: "restart_ice" }
  /** Give up for good: release everything. */
  | { do: "end"; code: EndCode };

export type RecoveryEvent =
  /** `mustWait`: the token is not admitted. */
  | { type: "start"; mustWait?: boolean }
  | { type: "leave" }
  | { type: "socket_opened" }
  | { type: "socket_lost" }
  | { type: "wait_ok" }
  | { type: "wait_failed"; code: FailureCode }
  /** A host let us in; the shell has the new token. */
  | { type: "admitted" }
  | { type: "join_ok" }
  | { type: "join_failed"; code: FailureCode }
  | { type: "resume_ok" }
  | { type: "resume_failed"; code: FailureCode }
  | { type: "restart_ok" }
  | { type: "restart_failed"; code: FailureCode }
  /** ICE: packets flow, pause, or are given up. */
  | { type: "ice"; state: "connected" | "disconnected" | "failed" }
  /** DTLS failed or the peer connection closed: ICE restart cannot help. */
  | { type: "transport_failed" }
  | { type: "network_changed" }
  /** The server asks for a new join. */
  | { type: "server_reconnect" }
  /** The server ended the participation. */
  | { type: "server_closed"; code: EndCode }
  /** The browser could not make an offer or use an answer. */
  | { type: "browser_failed" };

export interface RecoveryTimes {
  /** First pause before a retry; doubles up to `retryMaxMs`. */
  retryMinMs: number;
  retryMaxMs: number;
  /** How long ICE may be `disconnected` before a restart: short dropouts heal by themselves. */
  disconnectedMs: number;
  /** How long media may stay away after an ICE restart or a join before starting over. */
  mediaMs: number;
  /** How long the very first attempt may take before the person is told. */
  firstJoinMs: number;
}

export const DEFAULT_TIMES: RecoveryTimes = {
  retryMinMs: 250,
  retryMaxMs: 8_000,
  disconnectedMs: 1_500,
  mediaMs: 10_000,
  firstJoinMs: 30_000,
};
