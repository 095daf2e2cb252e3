/** Real-time text (T.140's idea over the message bus): edits of a draft out, the others' drafts in. No I/O. */
import type { ChatLive, ChatText, LiveEdit } from "../chat_protocol";

/** A longer insertion goes as the whole text. */
const MAX_INSERT = 1_000;
/** How often the whole text is said, so that whoever missed something reads on. */
const WHOLE_MS = 3_000;
/** A draft that nobody has touched for so long is no longer shown. */
const STALE_MS = 60_000;

/** The one change between two texts; null when there is none. Positions in UTF-16 code units, never inside a pair. */
export function difference(before: string, after: string): LiveEdit | null {
  if (before === after) return null;
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start += 1;
  if (start > 0 && isHigh(before.charCodeAt(start - 1))) start -= 1;
  let end = 0;
  while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  if (end > 0 && isLow(before.charCodeAt(before.length - end))) end -= 1;
  return { at: start, erase: before.length - start - end, insert: after.slice(start, after.length - end) };
}

export const applyEdits = (text: string, edits: readonly LiveEdit[]): string =>
  edits.reduce((now, { at, erase, insert }) => now.slice(0, at) + insert + now.slice(at + erase), text);

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;

/** One's own draft, as the others are told of it. */
export class LiveWriter {
  readonly draftId: string;
  #number = 0;
  #said = "";
  #wholeAt = -Infinity;

  constructor(draftId: string) {
    this.draftId = draftId;
  }

  /** What to send so that the others read `text`; null when they do already. */
  write(text: string, now: number): Omit<ChatLive, "conversation_id"> | null {
    const edit = difference(this.#said, text);
    const isDue = now - this.#wholeAt >= WHOLE_MS;
    if (!edit && !(isDue && this.#number > 0 && text !== "")) return null;
    const isLong = edit !== null && edit.insert.length > MAX_INSERT;
    const whole = isLong ? text : isDue || this.#number === 0 ? this.#said : null;
    if (whole !== null) this.#wholeAt = now;
    this.#said = text;
    this.#number += 1;
    return { draft_id: this.draftId, number: this.#number, text: whole, edits: isLong || !edit ? [] : [edit] };
  }
}

/** Somebody's unfinished text. */
export interface LiveDraft {
  author: string;
  authorName: string;
  draftId: string;
  text: string;
}

/** The others' drafts. */
export class LiveReader {
  readonly #drafts = new Map<string, LiveDraft & { number: number; at: number }>();
  /** The last finished draft of each person: what is told of it may come after its message. */
  readonly #finished = new Map<string, string>();

  take(said: ChatText, now: number): void {
    if (this.#finished.get(said.author) === said.draft_id) return;
    const known = this.#drafts.get(said.author);
    const isSame = known?.draftId === said.draft_id;
    if (isSame && said.number <= known.number) return;
    const base = said.text ?? (isSame && said.number === known.number + 1 ? known.text : null);
    // Something was missed: what is shown stays until the whole text is said again.
    if (base === null) return;
    const text = applyEdits(base, said.edits);
    const { author, author_name: authorName, draft_id: draftId, number } = said;
    this.#drafts.set(author, { author, authorName, draftId, number, text, at: now });
  }

  /** The draft became a message. */
  finish(author: string, draftId: string): void {
    this.#finished.set(author, draftId);
    if (this.#drafts.get(author)?.draftId === draftId) this.#drafts.delete(author);
  }

  clear(): void {
    this.#drafts.clear();
  }

  drafts(now: number): LiveDraft[] {
    return [...this.#drafts.values()]
      .filter((draft) => draft.text !== "" && now - draft.at < STALE_MS)
      .map(({ author, authorName, draftId, text }) => ({ author, authorName, draftId, text }));
  }
}
