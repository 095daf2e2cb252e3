/** Brings what was written to the server: in order, each once, until it is acknowledged or refused for good. */
import type { ChatEvent } from "../chat_protocol";
import type { Carrier } from "./carrier";
import { chatFailure, isPassingChat } from "./errors";
import type { Outbox, Outgoing } from "./outbox";
import { attachmentsOf } from "./timeline";

const RETRY_MS = [500, 1_000, 2_000, 4_000, 8_000] as const;

/** An entry of the outbox; with `seq` once the server has it. */
export type Pending = Outgoing & { seq?: number };

export class Delivery {
  readonly #conversationId: string;
  readonly #outbox: Outbox;
  readonly #carrier: Carrier;
  /** Whether the conversation takes anything at present. */
  readonly #mayTry: () => boolean;
  readonly #changed: () => void;
  /** Acknowledged before their events came. */
  #acknowledged: (Outgoing & { seq: number })[] = [];
  #last = 0;
  #sending = false;
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(conversationId: string, outbox: Outbox, carrier: Carrier, mayTry: () => boolean, changed: () => void) {
    this.#conversationId = conversationId;
    this.#outbox = outbox;
    this.#carrier = carrier;
    this.#mayTry = mayTry;
    this.#changed = changed;
  }

  /** What the conversation's events do not show yet. */
  pending(): Pending[] {
    return [...this.#acknowledged, ...this.#outbox.entries];
  }

  add(entry: Omit<Outgoing, "atMs" | "failure">): void {
    this.#outbox.add({ ...entry, atMs: Date.now(), failure: null });
    this.#changed();
    void this.flush();
  }

  retry(clientId: string): void {
    this.#outbox.mark(clientId, null);
    this.#changed();
    void this.flush();
  }

  discard(clientId: string): void {
    this.#outbox.remove(clientId);
    this.#changed();
  }

  /** All events up to `last` are there; `own` are those of them that this person wrote. */
  arrived(own: readonly ChatEvent[], last: number): void {
    for (const event of own) this.#outbox.remove(event.client_id);
    this.#last = last;
    this.#acknowledged = this.#acknowledged.filter((entry) => entry.seq > last);
  }

  /** The server lost everything after `lastSeq`: `own` events among it, and what it had acknowledged, go again. */
  lost(own: readonly ChatEvent[], lastSeq: number): void {
    for (const event of own) {
      const { kind, client_id: clientId, target } = event;
      if (kind === "system" || event.withdrawn) continue;
      const text = String(event.body["text"] ?? "");
      this.#outbox.add({ kind, clientId, text, attachments: attachmentsOf(event), target, atMs: event.at_ms, failure: null });
    }
    for (const { seq, ...entry } of this.#acknowledged) if (seq > lastSeq) this.#outbox.add(entry);
    this.#acknowledged = this.#acknowledged.filter((entry) => entry.seq <= lastSeq);
    this.#last = lastSeq;
  }

  stop(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
  }

  /** One after the other, so that they stand in the order in which they were written. */
  async flush(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    try {
      for (let entry = this.#next(); entry; entry = this.#next()) {
        if (!(await this.#attempt(entry))) return;
        this.#changed();
      }
    } finally {
      this.#sending = false;
    }
  }

  #next(): Outgoing | null {
    return this.#retry === undefined && this.#mayTry() ? this.#outbox.next() : null;
  }

  async #attempt(entry: Outgoing): Promise<boolean> {
    try {
      const { seq } = await this.#deliver(entry);
      this.#failures = 0;
      if (this.#outbox.remove(entry.clientId) && seq > this.#last) this.#acknowledged = [...this.#acknowledged, { ...entry, seq }];
      return true;
    } catch (error) {
      const code = chatFailure(error);
      if (code === "unreachable") return false;
      // No answer, or the login has ended: a new socket shows how it goes on. Nothing is lost meanwhile.
      if (code === "request_timeout" || code === "not_logged_in") this.#carrier.distrust();
      else if (isPassingChat(code)) this.#later();
      else {
        this.#outbox.mark(entry.clientId, code);
        return true;
      }
      return false;
    }
  }

  #deliver({ kind, clientId, text, attachments, target }: Outgoing): Promise<{ seq: number }> {
    const about = { conversation_id: this.#conversationId, client_id: clientId };
    if (kind === "edit") return this.#carrier.request("chat_edit", { ...about, target, text });
    if (kind === "withdrawal") return this.#carrier.request("chat_withdraw", { ...about, target });
    const files = attachments.length > 0 && { attachments: attachments.map((file) => file.attachment_id) };
    return this.#carrier.request("chat_send", { ...about, text, ...files });
  }

  #later(): void {
    const pause = RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)]!;
    this.#failures += 1;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      void this.flush();
    }, pause);
  }
}
