/** Messages as a person sees them: those of the timeline, and those on their way. Pure. */
import type { ChatEvent, ChatReceipt } from "../chat_protocol";
import type { Pending } from "./delivery";
import type { ChatFailure } from "./errors";
import { Timeline, type TimelineMessage } from "./timeline";

export type MessageStatus = "waiting" | "sent" | "delivered" | "read" | "failed";

export interface MessageView extends Omit<TimelineMessage, "seq"> {
  /** Null until the server has it. */
  seq: number | null;
  own: boolean;
  /** How far an own message has come; null of others'. */
  status: MessageStatus | null;
  /** Why it was refused; it can be tried again or thrown away. */
  failure: ChatFailure | null;
}

export interface Reading {
  /** One's own `author`. */
  me: string;
  receipts: Iterable<ChatReceipt>;
}

export function viewOf(message: TimelineMessage, reading: Reading): MessageView {
  const own = message.author !== "" && message.author === reading.me;
  return { ...message, own, status: own ? statusOf(message.seq, reading) : null, failure: null };
}

/** What a whole conversation reads like that nobody writes in any more. */
export function viewsOf(events: readonly ChatEvent[], me: string): MessageView[] {
  const timeline = new Timeline();
  timeline.resume(events, events.at(-1)?.seq ?? 0, 0);
  return timeline.messages().map((message) => viewOf(message, { me, receipts: [] }));
}

export function viewAll(messages: readonly TimelineMessage[], pending: readonly Pending[], reading: Reading): MessageView[] {
  // A refused change leaves the message as it was.
  const changes = pending.filter((entry) => entry.kind !== "message" && entry.failure === null);
  const shown = messages.map((message) =>
    changes.filter((entry) => entry.target === message.seq && !message.withdrawn).reduce(changed, viewOf(message, reading)),
  );
  return [...shown, ...pending.filter((entry) => entry.kind === "message").map((entry) => unsent(entry, reading.me))];
}

function statusOf(seq: number, { me, receipts }: Reading): MessageStatus {
  let status: MessageStatus = "sent";
  for (const { reader, delivered, read } of receipts) {
    if (reader === me) continue;
    if (read >= seq) return "read";
    if (delivered >= seq) status = "delivered";
  }
  return status;
}

function changed(view: MessageView, { kind, text }: Pending): MessageView {
  return kind === "edit" ? { ...view, text, edited: true, status: "waiting" } : { ...view, status: "waiting" };
}

function unsent(entry: Pending, me: string): MessageView {
  return {
    seq: entry.seq ?? null,
    clientId: entry.clientId,
    atMs: entry.atMs,
    author: me,
    authorName: "",
    authorRole: "patient",
    text: entry.text,
    attachments: entry.attachments,
    edited: false,
    withdrawn: false,
    system: null,
    own: true,
    status: entry.failure ? "failed" : entry.seq === undefined ? "waiting" : "sent",
    failure: entry.failure,
  };
}
