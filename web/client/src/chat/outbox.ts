/**
 * What was written and is not acknowledged yet. It survives a reload in the tab's sessionStorage, with the ids under
 * which it was tried, so that it is sent again and is there once.
 */
import type { ChatAttachment } from "../chat_protocol";
import type { ChatFailure } from "./errors";

export interface Outgoing {
  kind: "message" | "edit" | "withdrawal";
  clientId: string;
  text: string;
  attachments: readonly ChatAttachment[];
  /** Number of the message that is changed; 0 for a new one. */
  target: number;
  /** When it was written, in milliseconds since the epoch, by this device. */
  atMs: number;
  /** The server refused it for good: a person decides. */
  failure: ChatFailure | null;
}

/** Texts by key, as sessionStorage has them. */
export type TextStore = Pick<Storage, "getItem" | "setItem" | "removeItem">;

const PREFIX = "alltid-oppet:chat:";

/** What the tab keeps of a conversation: the text that is being written, or how far one has read. */
export class KeptText {
  readonly #key: string;
  readonly #store: TextStore;

  constructor(store: TextStore, what: "draft" | "read", owner: string, conversationId: string) {
    this.#store = store;
    this.#key = `${PREFIX}${what}:${encodeURIComponent(owner)}:${conversationId}`;
  }

  load(): string {
    try {
      return this.#store.getItem(this.#key) ?? "";
    } catch {
      return "";
    }
  }

  save(text: string): void {
    try {
      if (text) this.#store.setItem(this.#key, text);
      else this.#store.removeItem(this.#key);
    } catch {
      // Storage is full or forbidden: it lives as long as the page.
    }
  }
}

/** Nothing written in this tab stays behind: for when somebody logs out. */
export function forgetUnsent(): void {
  try {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
  } catch {
    // Forbidden storage holds nothing either.
  }
}

/** The conversations in which somebody has written something that is not sent yet, in this tab. */
export function unsentOf(owner: string): string[] {
  const prefix = `${PREFIX}${encodeURIComponent(owner)}:`;
  try {
    return Object.keys(sessionStorage).flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : []));
  } catch {
    return [];
  }
}

export class Outbox {
  readonly #key: string;
  readonly #store: TextStore;
  #entries: Outgoing[];

  /** `owner`: whose it is, so that another person at the same browser never sends it. */
  constructor(store: TextStore, owner: string, conversationId: string) {
    this.#store = store;
    this.#key = `${PREFIX}${encodeURIComponent(owner)}:${conversationId}`;
    this.#entries = this.#load();
  }

  get entries(): readonly Outgoing[] {
    return this.#entries;
  }

  /** The next one to send. */
  next(): Outgoing | null {
    return this.#entries.find((entry) => entry.failure === null) ?? null;
  }

  add(entry: Outgoing): void {
    if (this.#entries.some((one) => one.clientId === entry.clientId)) return;
    this.#entries = [...this.#entries, entry];
    this.#save();
  }

  remove(clientId: string): Outgoing | null {
    const found = this.#entries.find((entry) => entry.clientId === clientId) ?? null;
    if (found) {
      this.#entries = this.#entries.filter((entry) => entry !== found);
      this.#save();
    }
    return found;
  }

  /** The server refused it for good, or (null) it shall be tried again. */
  mark(clientId: string, failure: ChatFailure | null): void {
    this.#entries = this.#entries.map((entry) => (entry.clientId === clientId ? { ...entry, failure } : entry));
    this.#save();
  }

  #load(): Outgoing[] {
    try {
      const value: unknown = JSON.parse(this.#store.getItem(this.#key) ?? "[]");
      return Array.isArray(value) ? value.filter(isOutgoing) : [];
    } catch {
      return [];
    }
  }

  #save(): void {
    try {
      if (this.#entries.length > 0) this.#store.setItem(this.#key, JSON.stringify(this.#entries));
      else this.#store.removeItem(this.#key);
    } catch {
      // Storage is full or forbidden: what is written lives as long as the page.
    }
  }
}

function isOutgoing(value: unknown): value is Outgoing {
  const one = value as Partial<Outgoing> | null;
  return (
    typeof one === "object" &&
    one !== null &&
    (one.kind === "message" || one.kind === "edit" || one.kind === "withdrawal") &&
    typeof one.clientId === "string" &&
    typeof one.text === "string" &&
    Array.isArray(one.attachments) &&
    typeof one.target === "number" &&
    typeof one.atMs === "number" &&
    (one.failure === null || typeof one.failure === "string")
  );
}
