/** The numbered events of one conversation, without holes, and the messages that they make. No I/O. */
import type { ChatAttachment, ChatEvent } from "../chat_protocol";

/** Events that came before what is missing; more than this is fetched again instead. */
const MAX_AHEAD = 500;

/** A message as it reads now: its edits applied, its text gone if it was taken back. */
export interface TimelineMessage {
  seq: number;
  clientId: string;
  atMs: number;
  author: string;
  authorName: string;
  authorRole: ChatEvent["author_role"];
  text: string;
  attachments: readonly ChatAttachment[];
  edited: boolean;
  withdrawn: boolean;
  /** Of events of the service itself: what happened, and more. */
  system: Readonly<Record<string, unknown>> | null;
}

export class Timeline {
  #events: ChatEvent[] = [];
  #ahead = new Map<number, ChatEvent>();
  #last: number | null = null;
  #trimmedThrough = 0;

  /** The last number before which nothing is missing; null while nothing is known. */
  get last(): number | null {
    return this.#last;
  }

  /** The first number at hand; one more than the last when there are no events. */
  get first(): number {
    return this.#events[0]?.seq ?? (this.#last ?? 0) + 1;
  }

  /** There are older events that can be fetched. */
  get hasOlder(): boolean {
    return this.#last !== null && this.first > this.#trimmedThrough + 1;
  }

  /** Whether events are known that do not follow the last one. */
  get hasHole(): boolean {
    return this.#ahead.size > 0;
  }

  /** An event that came by itself. Returns those that are new now, in order; none while something is missing. */
  take(event: ChatEvent): ChatEvent[] {
    if (this.#last !== null && event.seq <= this.#last) return [];
    if (this.#ahead.size < MAX_AHEAD) this.#ahead.set(event.seq, event);
    return this.#last === null ? [] : this.#drain();
  }

  /** The answer to `chat_open` or `chat_resume`. Returns the events that are new. */
  resume(events: readonly ChatEvent[], lastSeq: number, trimmedThrough: number): ChatEvent[] {
    this.#trimmedThrough = Math.max(this.#trimmedThrough, trimmedThrough);
    const firstNew = events[0]?.seq ?? lastSeq + 1;
    // Nothing known yet, or what was missing is in the archive only: begin anew from here.
    if (this.#last === null || firstNew > this.#last + 1) {
      this.#events = [];
      this.#last = firstNew - 1;
    }
    for (const event of events) if (event.seq > this.#last) this.#ahead.set(event.seq, event);
    return this.#drain();
  }

  /** A page of older events, the oldest first. */
  prepend(events: readonly ChatEvent[], trimmedThrough: number): void {
    this.#trimmedThrough = Math.max(this.#trimmedThrough, trimmedThrough);
    const { first } = this;
    const older = events.filter((event) => event.seq < first);
    // An empty page: nothing older can be had.
    if (older.length === 0) this.#trimmedThrough = Math.max(this.#trimmedThrough, first - 1);
    else if (older.at(-1)!.seq === first - 1) this.#events = [...older, ...this.#events];
  }

  /** Forget what is newer than `lastSeq`; returns what was forgotten. */
  truncate(lastSeq: number): ChatEvent[] {
    this.#ahead.clear();
    if (this.#last === null || lastSeq >= this.#last) return [];
    const gone = this.#events.filter((event) => event.seq > lastSeq);
    this.#events = this.#events.filter((event) => event.seq <= lastSeq);
    this.#last = lastSeq;
    return gone;
  }

  messages(): TimelineMessage[] {
    const edits = new Map<number, string>();
    const withdrawn = new Set<number>();
    for (const event of this.#events) {
      if (event.kind === "withdrawal") withdrawn.add(event.target);
      if (event.kind === "edit" && !event.withdrawn) edits.set(event.target, textOf(event));
    }
    const shown: TimelineMessage[] = [];
    for (const event of this.#events) {
      if (event.kind === "message" || event.kind === "system") {
        shown.push(toMessage(event, edits.get(event.seq), event.withdrawn || withdrawn.has(event.seq)));
      }
    }
    return shown;
  }

  #drain(): ChatEvent[] {
    const fresh: ChatEvent[] = [];
    for (const seq of this.#ahead.keys()) if (seq <= this.#last!) this.#ahead.delete(seq);
    for (let next = this.#ahead.get(this.#last! + 1); next; next = this.#ahead.get(this.#last! + 1)) {
      this.#ahead.delete(next.seq);
      this.#events.push(next);
      this.#last = next.seq;
      fresh.push(next);
    }
    return fresh;
  }
}

/** A message as an event has it, with the text of its last edit if there is one. */
export function toMessage(event: ChatEvent, edit?: string, withdrawn = event.withdrawn): TimelineMessage {
  return {
    seq: event.seq,
    clientId: event.client_id,
    atMs: event.at_ms,
    author: event.author,
    authorName: event.author_name,
    authorRole: event.author_role,
    text: withdrawn ? "" : (edit ?? textOf(event)),
    attachments: withdrawn ? [] : attachmentsOf(event),
    edited: edit !== undefined && !withdrawn,
    withdrawn,
    system: event.kind === "system" ? event.body : null,
  };
}

const textOf = ({ body }: ChatEvent): string => (typeof body["text"] === "string" ? body["text"] : "");

export function attachmentsOf({ body }: ChatEvent): ChatAttachment[] {
  const { attachments } = body;
  return Array.isArray(attachments) ? attachments.filter(isAttachment) : [];
}

function isAttachment(value: unknown): value is ChatAttachment {
  const one = value as Partial<ChatAttachment> | null;
  return typeof one === "object" && one !== null && typeof one.attachment_id === "string" && typeof one.name === "string";
}
