/** The socket for messages as a page sees it, answered in the test: conversations, acknowledgements, what others do. */
import type { Page, WebSocketRoute } from "playwright-core";
import * as msgpackParser from "socket.io-msgpack-parser";
import type { ChatEvent, ChatReceipt, ChatServerEvents } from "../client/src/chat_protocol";
import { NOW } from "./now";

export interface FakeConversation {
  title: string;
  state: "open" | "closed" | "archived";
  hosts_only?: boolean;
  events: ChatEvent[];
  receipts: ChatReceipt[];
}

interface Packet {
  type: number;
  data?: unknown[];
  id?: number;
  nsp: string;
}

const [CONNECT, EVENT, ACK] = [0, 2, 3];

/** What an event says when nothing else is said. */
export function event(conversationId: string, seq: number, text: string, more: Partial<ChatEvent> = {}): ChatEvent {
  return {
    conversation_id: conversationId,
    seq,
    at_ms: NOW * 1000 - (20 - seq) * 60_000,
    kind: "message",
    author: "karin",
    author_name: "Karin Lindqvist",
    author_role: "staff",
    client_id: `e${seq}`,
    target: 0,
    body: { text },
    withdrawn: false,
    ...more,
  };
}

/** Written by whoever looks at the page. */
export const OWN = { author: "me", author_name: "Anna Andersson", author_role: "patient" } as const;

/** Stands between one page and the front's socket. Change its fields to change what is answered from then on. */
export class FakeChat {
  readonly conversations = new Map<string, FakeConversation>();
  readonly asked: { name: string; payload: Record<string, unknown> }[] = [];
  /** The name that own messages carry. */
  own: { author: string; author_name: string; author_role: ChatEvent["author_role"] } = OWN;
  channel: string | null = null;
  /** Event -> the code with which it is refused. */
  refusals = new Map<string, string>();
  #sockets = new Set<WebSocketRoute>();

  put(id: string, events: ChatEvent[] = [], more: Partial<FakeConversation> = {}): FakeConversation {
    const conversation = { title: "", state: "open", events, receipts: [], ...more } satisfies FakeConversation;
    this.conversations.set(id, conversation);
    return conversation;
  }

  async attach(page: Page): Promise<void> {
    await page.context().routeWebSocket(/\/socket\.io\//, (socket) => {
      this.#sockets.add(socket);
      socket.onClose(() => this.#sockets.delete(socket));
      socket.onMessage((message) => this.#take(socket, message));
      socket.send(`0${JSON.stringify({ sid: "s", upgrades: [], pingInterval: 600_000, pingTimeout: 600_000, maxPayload: 1_000_000 })}`);
    });
  }

  /** Everybody is told. */
  tell<Name extends keyof ChatServerEvents>(name: Name, payload: ChatServerEvents[Name]): void {
    for (const socket of this.#sockets) send(socket, { type: EVENT, data: [name, payload], nsp: "/" });
  }

  /** Somebody else, or the service, adds something. */
  append(id: string, text: string, more: Partial<ChatEvent> = {}): ChatEvent {
    const { events } = this.conversations.get(id)!;
    const added = event(id, (events.at(-1)?.seq ?? 0) + 1, text, { at_ms: NOW * 1000, ...more });
    events.push(added);
    this.tell("chat_event", added);
    return added;
  }

  /** All sockets are cut. */
  async cut(): Promise<void> {
    for (const socket of [...this.#sockets]) await socket.close();
    this.#sockets.clear();
  }

  #take(socket: WebSocketRoute, message: string | Buffer): void {
    if (typeof message === "string") return; // engine.io's own
    const decoder = new msgpackParser.Decoder();
    decoder.on("decoded", (packet: Packet) => {
      if (packet.type === CONNECT) return send(socket, { type: CONNECT, data: { sid: "s" } as never, nsp: "/" });
      if (packet.type !== EVENT || packet.id === undefined) return;
      const [name, payload] = packet.data as [string, Record<string, unknown>];
      this.asked.push({ name, payload });
      const code = this.refusals.get(name);
      const reply = code ? { ok: false, error: { code, message: "" } } : { ok: true, ...this.#reply(name, payload) };
      send(socket, { type: ACK, data: [reply], id: packet.id, nsp: "/" });
    });
    decoder.add(message);
  }

  #reply(name: string, payload: Record<string, unknown>): object {
    if (name === "chat_hello") return { meeting: null, channel: this.channel, typing_ms: 6_000, edit_window_ms: 900_000 };
    if (name === "chat_resume") {
      return { conversations: (payload["positions"] as { conversation_id: string; last_seq: number | null }[]).map((one) => this.#opened(one.conversation_id, one.last_seq)) };
    }
    const id = String(payload["conversation_id"]);
    const conversation = this.conversations.get(id);
    if (name === "chat_send" && conversation) {
      const known = conversation.events.find((one) => one.client_id === payload["client_id"]);
      if (known) return { seq: known.seq, at_ms: known.at_ms, repeated: true };
      const body = { text: payload["text"] };
      const client_id = String(payload["client_id"]);
      const added = event(id, (conversation.events.at(-1)?.seq ?? 0) + 1, "", { ...this.own, body, client_id, at_ms: NOW * 1000 });
      conversation.events.push(added);
      queueMicrotask(() => this.tell("chat_event", added));
      return { seq: added.seq, at_ms: added.at_ms, repeated: false };
    }
    if (name === "chat_search" && conversation) {
      const word = String(payload["query"]).toLowerCase();
      const events = conversation.events.filter((one) => String(one.body["text"] ?? "").toLowerCase().includes(word));
      return { events: events.reverse(), before: 0 };
    }
    if (name === "chat_history" && conversation) {
      const events = conversation.events.filter((one) => one.seq < Number(payload["before"])).slice(-20);
      return { events, last_seq: conversation.events.at(-1)?.seq ?? 0, trimmed_through: 0 };
    }
    if (name === "chat_receipt") return { delivered: payload["delivered"], read: payload["read"] };
    return {};
  }

  #opened(conversation_id: string, after: number | null): object {
    const found = this.conversations.get(conversation_id);
    const about = { conversation_id, me: "me", trimmed_through: 0 };
    if (!found) return { ...about, error: "unknown_conversation", title: "", state: "closed", hosts_only: false, events: [], last_seq: 0, live: false, receipts: [] };
    const events = after === null ? found.events.slice(-20) : found.events.filter((one) => one.seq > after);
    const last_seq = found.events.at(-1)?.seq ?? 0;
    return { ...about, error: null, title: found.title, state: found.state, hosts_only: found.hosts_only ?? false, events, last_seq, live: true, receipts: found.receipts };
  }
}

function send(socket: WebSocketRoute, packet: Packet): void {
  for (const part of new msgpackParser.Encoder().encode(packet as never) as unknown as Uint8Array[]) socket.send(Buffer.from(part));
}
