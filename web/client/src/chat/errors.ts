import type { ChatCode } from "../chat_protocol";

/** Why a request about messages failed: the server's codes, and two of the client's own. */
export type ChatFailure = ChatCode | "request_timeout" | "unreachable";

/** A typed failure; `message` is English for developers, people are told by `code`. */
export class ChatError extends Error {
  readonly code: ChatFailure;

  constructor(code: ChatFailure, message: string = code) {
    super(message);
    this.name = "ChatError";
    this.code = code;
  }
}

/** Failures that pass: the same request may succeed a little later. All others need a person. */
const PASSING: ReadonlySet<ChatFailure> = new Set([
  "chat_unavailable",
  "rate_limited",
  "internal",
  "request_timeout",
  "unreachable",
]);

export const isPassingChat = (code: ChatFailure): boolean => PASSING.has(code);

export const chatFailure = (error: unknown): ChatFailure => (error instanceof ChatError ? error.code : "internal");
