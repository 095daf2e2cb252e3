import type { ClosedCode, ErrorCode } from "./protocol";

/** Why a request to the server failed: the server's codes, and two of the client's own. */
export type FailureCode = ErrorCode | "request_timeout" | "unreachable";

/** Why a session is over. `left` is the person's own choice. */
export type EndCode = FailureCode | ClosedCode | "left" | "browser_unsupported" | "browser_failed";

/** A typed failure; `message` is English for developers, people are told by `code`. */
export class MeetingError extends Error {
  readonly code: FailureCode;

  constructor(code: FailureCode, message: string) {
    super(message);
    this.name = "MeetingError";
    this.code = code;
  }
}

/** Failures that pass: the same request may succeed a little later. All others need a person. */
const PASSING: ReadonlySet<FailureCode> = new Set([
  "no_worker",
  "worker_timeout",
  "rate_limited",
  "internal",
  "request_timeout",
]);

export function isPassing(code: FailureCode): boolean {
  return PASSING.has(code);
}
