/** A front's chat in memory: numbers events, knows a client id again, and breaks when told to. */
import type { ChatClientEvents, ChatEvent, ChatOpened, ChatServerEvents } from "../../src/chat_protocol";
import { ChatError, type ChatFailure } from "../../src/chat/errors";
import type { TextStore } from "../../src/chat/outbox";
import type { ChatServerMessage, ChatSocket, ChatSocketFactory, ChatSocketHandlers } from "../../src/chat/socket";

type Name = keyof ChatClientEvents;

export function event(seq: number, more: Partial<ChatEvent> = {}): ChatEvent {
  return {
    conversation_id: "case-a",
    seq,
    at_ms: 1_000 * seq,
    kind: "message",
    author: "nurse",
    author_name: "Siv Sjö",
    author_role: "staff",
    client_id: `c${seq}`,
    target: 0,
    body: { text: `text ${seq}` },
    withdrawn: false,
    ...more,
  };
}

export function memoryStore(): TextStore & { kept: Map<string, string> } {
  const kept = new Map<string, string>();
  return {
    kept,
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
}

export class FakeServer {
  log: ChatEvent[] = [];
  readonly asked: { name: Name; payload: Record<string, unknown> }[] = [];
  /** Answered with this code instead, until it is taken out. */
  readonly refusals = new Map<Name, ChatFailure>();
  /** These happen, and their acknowledgement is lost. */
  readonly mute = new Set<Name>();
  /** Conversations about which it cannot say anything now. */
  readonly away = new Set<string>();
  sockets: ChatSocketHandlers[] = [];
  opened = 0;
  reachable = true;
  editWindowMs = 900_000;

  readonly open: ChatSocketFactory = (_url, handlers): ChatSocket => {
    this.opened += 1;
    if (this.reachable) this.sockets.push(handlers);
    queueMicrotask(() => (this.reachable ? handlers.opened() : handlers.lost()));
    return {
      request: (name, payload) => this.#answer(name, payload as never) as never,
      close: () => {
        this.sockets = this.sockets.filter((one) => one !== handlers);
      },
    };
  };

  /** All sockets break. */
  cut(): void {
    const { sockets } = this;
    this.sockets = [];
    for (const socket of sockets) socket.lost();
  }

  append(more: Partial<ChatEvent> = {}): ChatEvent {
    const added = event(this.log.length + 1, more);
    this.log.push(added);
    this.tell("chat_event", added);
    return added;
  }

  tell<Kind extends keyof ChatServerEvents>(name: Kind, payload: ChatServerEvents[Kind]): void {
    for (const socket of this.sockets) socket.event({ name, payload } as ChatServerMessage);
  }

  payloads(name: Name): Record<string, unknown>[] {
    return this.asked.filter((one) => one.name === name).map((one) => one.payload);
  }

  async #answer(name: Name, payload: Record<string, unknown>): Promise<unknown> {
    this.asked.push({ name, payload });
    const refusal = this.refusals.get(name);
    if (refusal) throw new ChatError(refusal);
    await Promise.resolve();
    const reply = this.#handle(name, payload);
    if (this.mute.has(name)) return new Promise(() => undefined);
    return reply;
  }

  #handle(name: Name, payload: Record<string, unknown>): unknown {
    if (name === "chat_hello") return { meeting: null, channel: null, typing_ms: 6_000, edit_window_ms: this.editWindowMs };
    if (name === "chat_resume") {
      const positions = payload["positions"] as { conversation_id: string; last_seq: number | null }[];
      return { conversations: positions.map((one) => this.#opened(one.conversation_id, one.last_seq)) };
    }
    if (name === "chat_send" || name === "chat_edit" || name === "chat_withdraw") return this.#append(name, payload);
    if (name === "chat_history") {
      const older = this.log.filter((one) => one.seq < (payload["before"] as number)).slice(-50);
      return { events: older, last_seq: this.log.length, trimmed_through: 0 };
    }
    if (name === "chat_search") {
      const found = this.log.filter((one) => String(one.body["text"]).includes(payload["query"] as string));
      return { events: found.reverse(), before: 0 };
    }
    return {};
  }

  #append(name: Name, payload: Record<string, unknown>): unknown {
    const known = this.log.find((one) => one.client_id === payload["client_id"]);
    if (known) return { seq: known.seq, at_ms: known.at_ms, repeated: true };
    const kind = name === "chat_send" ? "message" : name === "chat_edit" ? "edit" : "withdrawal";
    const body = kind === "withdrawal" ? {} : { text: payload["text"] };
    const added = this.append({
      kind,
      author: "me",
      author_role: "patient",
      client_id: payload["client_id"] as string,
      target: (payload["target"] as number | undefined) ?? 0,
      body,
    });
    return { seq: added.seq, at_ms: added.at_ms, repeated: false };
  }

  #opened(conversation_id: string, last: number | null): ChatOpened {
    return {
      conversation_id,
      error: this.away.has(conversation_id) ? "chat_unavailable" : null,
      title: "Recept",
      state: "open",
      hosts_only: false,
      me: "me",
      events: this.log.filter((one) => one.seq > (last ?? Math.max(0, this.log.length - 50))),
      last_seq: this.log.length,
      trimmed_through: 0,
      live: true,
      receipts: [],
    };
  }
}
