/** One conversation: what is in it, what is on its way, who writes. Its socket is `ChatClient`'s. */
import type { ChatAttachment, ChatEvent, ChatOpened, ChatReceipt } from "../chat_protocol";
import { Emitter } from "../emitter";
import type { Carrier } from "./carrier";
import { Composing } from "./composing";
import { Delivery } from "./delivery";
import { type ChatFailure, isPassingChat } from "./errors";
import { newId } from "./ids";
import { type LiveDraft, LiveReader } from "./live_text";
import { KeptText, Outbox, type TextStore } from "./outbox";
import type { ChatServerMessage } from "./socket";
import { Timeline, toMessage } from "./timeline";
import { type MessageView, type Reading, viewAll, viewOf } from "./views";

export interface ConversationSnapshot {
  id: string;
  title: string;
  /** For this person: `closed` also while they may read and not write. */
  state: ChatOpened["state"];
  /** Of a meeting: only who holds it writes at present. */
  hostsOnly: boolean;
  /** `opening` until the first answer, `live` while everything arrives, `ended` when it is not ours to read. */
  status: "opening" | "live" | "reconnecting" | "ended";
  endCode: ChatFailure | null;
  messages: readonly MessageView[];
  hasOlder: boolean;
  /** Others' messages that have not been read. */
  unread: number;
  /** Names of others who have it on their screens; of those only who have written in it. */
  present: readonly string[];
  /** Names of others who type. */
  typing: readonly string[];
  /** Others' real-time text. */
  drafts: readonly LiveDraft[];
}

export interface ConversationEvents {
  changed: ConversationSnapshot;
  /** Somebody else's message came; what was there at the opening does not count. */
  arrived: MessageView;
  /** The server has appended something of its own (a case changed its state). */
  system: ChatEvent;
  /** In a unit's own channel: a case of the unit has changed. */
  case: string;
}

const RECEIPT_MS = 250;
const DRAFTS_MS = 61_000;

export class Conversation extends Emitter<ConversationEvents> {
  readonly id: string;
  readonly #carrier: Carrier;
  readonly #timeline = new Timeline();
  readonly #delivery: Delivery;
  readonly #composing: Composing;
  readonly #reader = new LiveReader();
  readonly #receipts = new Map<string, ChatReceipt>();
  readonly #typists = new Map<string, { name: string; timer: ReturnType<typeof setTimeout> }>();
  /** A meeting's chat tells nobody who has read what: how far one has come is kept in the tab. */
  readonly #readMark: KeptText | null;
  readonly #keptDraft: KeptText;
  #draft: string;
  #title = "";
  #state: ChatOpened["state"] = "open";
  #hostsOnly = false;
  #me = "";
  #status: ConversationSnapshot["status"] = "opening";
  #endCode: ChatFailure | null = null;
  #read: number;
  #told = { delivered: 0, read: 0 };
  #present: readonly string[] = [];
  #receiptTimer: ReturnType<typeof setTimeout> | undefined;
  #draftsTimer: ReturnType<typeof setTimeout> | undefined;
  #snapshot: ConversationSnapshot;

  constructor(id: string, owner: string, store: TextStore, carrier: Carrier) {
    super();
    this.id = id;
    this.#carrier = carrier;
    const isFree = (): boolean => this.#status === "live" && carrier.ready;
    this.#delivery = new Delivery(id, new Outbox(store, owner, id), carrier, isFree, () => this.#changed());
    this.#composing = new Composing({
      typing: (payload) => this.#tell("chat_type", payload),
      live: (payload) => this.#tell("chat_live", payload),
    });
    this.#readMark = id.startsWith("meeting-") ? new KeptText(store, "read", owner, id) : null;
    this.#read = Number(this.#readMark?.load()) || 0;
    this.#keptDraft = new KeptText(store, "draft", owner, id);
    this.#draft = this.#keptDraft.load();
    this.#snapshot = this.#makeSnapshot();
  }

  get snapshot(): ConversationSnapshot {
    return this.#snapshot;
  }

  /** What is being written; it is there again after a reload, and when a user interface closes and opens again. */
  get draft(): string {
    return this.#draft;
  }

  set draft(text: string) {
    this.#draft = text;
    this.#keptDraft.save(text);
  }

  get lastSeq(): number | null {
    return this.#timeline.last;
  }

  /** Send a message: kept and tried until the server has it or refuses it. */
  send(text: string, attachments: readonly ChatAttachment[] = []): void {
    this.#delivery.add({ kind: "message", clientId: this.#composing.finish(), text, attachments, target: 0 });
  }

  edit(target: number, text: string): void {
    this.#delivery.add({ kind: "edit", clientId: newId(), text, attachments: [], target });
  }

  withdraw(target: number): void {
    this.#delivery.add({ kind: "withdrawal", clientId: newId(), text: "", attachments: [], target });
  }

  /** Whether the server would still take a change of one's own message; it is offered a little shorter than taken. */
  mayChange({ own, seq, withdrawn, atMs }: MessageView, nowMs: number): boolean {
    const windowMs = this.#carrier.hello?.edit_window_ms ?? 0;
    return own && seq !== null && !withdrawn && this.#state === "open" && (windowMs === 0 || nowMs - atMs < (windowMs * 14) / 15);
  }

  /** Try a refused message once more. */
  retry(clientId: string): void {
    this.#delivery.retry(clientId);
  }

  /** Throw a refused message away. */
  discard(clientId: string): void {
    this.#delivery.discard(clientId);
  }

  /** The text at hand has changed; with `live` the others read along as it is written. */
  typing(text: string, live = false): void {
    this.#composing.write(text, live);
  }

  /** Everything that is there has been seen. */
  markRead(): void {
    const last = this.#timeline.last ?? 0;
    if (last <= this.#read) return;
    this.#read = last;
    this.#readMark?.save(String(last));
    this.#changed();
    this.#sayReceipt();
  }

  /** Of a meeting's chat, by who holds it: whether nobody else writes. Fails with `ChatError`. */
  async rule(hostsOnly: boolean): Promise<void> {
    await this.#carrier.request("chat_rule", { conversation_id: this.id, hosts_only: hostsOnly });
  }

  /** Fails with `ChatError`. */
  async loadOlder(): Promise<void> {
    const page = await this.#carrier.request("chat_history", { conversation_id: this.id, before: this.#timeline.first });
    this.#timeline.prepend(page.events, page.trimmed_through);
    this.#changed();
  }

  /** Fetch older pages until the event with that number is there; false when it cannot be had. */
  async reach(seq: number): Promise<boolean> {
    while (seq < this.#timeline.first) {
      if (!this.#timeline.hasOlder) return false;
      await this.loadOlder();
    }
    return true;
  }

  /** Messages with all the words, the newest first; `before` of one answer finds more, 0 says there are none. */
  async search(query: string, before: number | null = null): Promise<{ messages: MessageView[]; before: number }> {
    const found = await this.#carrier.request("chat_search", { conversation_id: this.id, query, before });
    // A changed message is found by what it was changed to; its place is that of the message.
    const messages = found.events.map((event) => viewOf({ ...toMessage(event), seq: event.target || event.seq }, this.#reading));
    const isFirst = (one: MessageView, index: number): boolean => messages.findIndex(({ seq }) => seq === one.seq) === index;
    return { messages: messages.filter(isFirst), before: found.before };
  }

  /** The answer about this conversation, after the socket opened or something was missing. */
  resumed(answer: ChatOpened): void {
    if (this.#status === "ended") return;
    if (answer.error !== null) {
      if (!isPassingChat(answer.error)) this.end(answer.error);
      return;
    }
    const isFirst = this.#status === "opening";
    if (this.#timeline.last !== null && answer.last_seq < this.#timeline.last) this.#reset(answer.last_seq);
    this.#title = answer.title;
    this.#rules(answer);
    this.#me = answer.me;
    this.#receipts.clear();
    for (const receipt of answer.receipts) this.#receipts.set(receipt.reader, receipt);
    const own = this.#receipts.get(this.#me);
    if (own) {
      this.#read = Math.max(this.#read, own.read);
      this.#told = { delivered: own.delivered, read: own.read };
    }
    const fresh = this.#timeline.resume(answer.events, answer.last_seq, answer.trimmed_through);
    const isWhole = answer.live && !this.#timeline.hasHole;
    this.#status = isWhole ? "live" : isFirst ? "opening" : "reconnecting";
    this.#applied(fresh, !isFirst);
    if (!isWhole) return this.#carrier.resume(this.id);
    this.#sayReceipt();
    void this.#delivery.flush();
  }

  /** The socket is gone. */
  disconnected(): void {
    if (this.#status === "live") this.#status = "reconnecting";
    this.#present = [];
    this.#quiet();
    this.#told = { delivered: 0, read: 0 };
    this.#changed();
  }

  /** It is not ours to read, or not any more. */
  end(code: ChatFailure): void {
    this.#endCode = code;
    this.close();
    this.#changed();
  }

  /** Stop all clocks. What is unsent stays kept. */
  close(): void {
    this.#status = "ended";
    this.#quiet();
    this.#delivery.stop();
    clearTimeout(this.#receiptTimer);
    clearTimeout(this.#draftsTimer);
  }

  take({ name, payload }: ChatServerMessage): void {
    if (this.#status === "ended") return;
    if (name === "chat_event") {
      this.#applied(this.#timeline.take(payload), true);
      if (this.#timeline.hasHole) this.#missing();
    } else if (name === "chat_receipts") {
      this.#receipts.set(payload.reader, payload);
      if (payload.reader === this.#me) this.#read = Math.max(this.#read, payload.read);
    } else if (name === "chat_typists") {
      this.#typist(payload.author, payload.author_name, payload.for_ms);
    } else if (name === "chat_presence") {
      this.#present = payload.people;
    } else if (name === "chat_text") {
      if (payload.author !== this.#me) this.#reader.take(payload, performance.now());
      clearTimeout(this.#draftsTimer);
      this.#draftsTimer = setTimeout(() => this.#changed(), DRAFTS_MS);
    } else if (name === "chat_case") {
      this.emit("case", payload.case_id);
      return;
    } else if (name === "chat_lagging") {
      this.#missing();
    } else if (name === "chat_reset") {
      this.#reset(payload.last_seq);
      this.#missing(); // what is new there has numbers that the server took for known here
    } else if (name === "chat_changed") {
      this.#title = payload.title;
      this.#rules(payload);
    } else if (name === "chat_ended") {
      this.end("unknown_conversation");
    }
    this.#changed();
  }

  /** Who may write: what some were in the middle of writing is not going to be finished now. */
  #rules({ state, hosts_only: hostsOnly }: Pick<ChatOpened, "state" | "hosts_only">): void {
    if (state !== "open" && this.#state === "open") this.#quiet();
    if (hostsOnly && !this.#hostsOnly) this.#reader.clear();
    this.#state = state;
    this.#hostsOnly = hostsOnly;
  }

  /** Ask for what is missing, unless that is under way. */
  #missing(): void {
    if (this.#status !== "live") return;
    this.#status = "reconnecting";
    this.#carrier.resume(this.id);
  }

  #applied(events: readonly ChatEvent[], isNews: boolean): void {
    for (const event of events) {
      this.#stopTypist(event.author);
      this.#reader.finish(event.author, event.client_id);
      if (event.kind === "system") this.emit("system", event);
      else if (isNews && event.kind === "message" && event.author !== this.#me) {
        this.emit("arrived", viewOf(toMessage(event), this.#reading));
      }
    }
    this.#delivery.arrived(events.filter((event) => event.author === this.#me), this.#timeline.last ?? 0);
    if (events.length > 0) this.#sayReceipt();
    this.#changed();
  }

  /** The server lost events: what was ours among them is sent again. */
  #reset(lastSeq: number): void {
    const lost = this.#timeline.truncate(lastSeq).filter((event) => event.author === this.#me);
    this.#delivery.lost(lost, lastSeq);
    this.#read = Math.min(this.#read, lastSeq);
    this.#told = { delivered: 0, read: 0 };
  }

  #sayReceipt(): void {
    if (this.#readMark) return;
    this.#receiptTimer ??= setTimeout(() => {
      this.#receiptTimer = undefined;
      const delivered = this.#timeline.last ?? 0;
      const read = Math.min(this.#read, delivered);
      if (this.#status !== "live" || (delivered <= this.#told.delivered && read <= this.#told.read)) return;
      this.#told = { delivered, read };
      this.#tell("chat_receipt", { delivered, read });
    }, RECEIPT_MS);
  }

  /** Something that may get lost. */
  #tell(name: "chat_type" | "chat_live" | "chat_receipt", payload: object): void {
    if (this.#status !== "live" || !this.#carrier.ready) return;
    this.#carrier.request(name, { conversation_id: this.id, ...payload } as never).catch(() => undefined);
  }

  #typist(author: string, name: string, forMs: number): void {
    if (author === this.#me) return;
    this.#stopTypist(author);
    if (forMs <= 0) return;
    const timer = setTimeout(() => {
      this.#stopTypist(author);
      this.#changed();
    }, forMs);
    this.#typists.set(author, { name, timer });
  }

  #stopTypist(author: string): void {
    clearTimeout(this.#typists.get(author)?.timer);
    this.#typists.delete(author);
  }

  #quiet(): void {
    this.#composing.pause();
    for (const author of [...this.#typists.keys()]) this.#stopTypist(author);
  }

  get #reading(): Reading {
    return { me: this.#me, receipts: this.#receipts.values() };
  }

  #changed(): void {
    this.#snapshot = this.#makeSnapshot();
    this.emit("changed", this.#snapshot);
  }

  /** Of the others who have it on their screens; somebody who has not written anything yet has no name here. */
  #namesOfPresent(): string[] {
    const others = new Set(this.#present.filter((author) => author !== this.#me));
    if (others.size === 0) return [];
    const names = new Map(this.#timeline.messages().map(({ author, authorName }) => [author, authorName]));
    return [...names].filter(([author, name]) => others.has(author) && name !== "").map(([, name]) => name);
  }

  #makeSnapshot(): ConversationSnapshot {
    const reading = { me: this.#me, receipts: [...this.#receipts.values()] };
    const messages = viewAll(this.#timeline.messages(), this.#delivery.pending(), reading);
    const isNew = (one: MessageView): boolean => !one.own && !one.system && !one.withdrawn && (one.seq ?? 0) > this.#read;
    return {
      id: this.id,
      title: this.#title,
      state: this.#state,
      hostsOnly: this.#hostsOnly,
      status: this.#status,
      endCode: this.#endCode,
      messages,
      hasOlder: this.#timeline.hasOlder,
      unread: messages.filter(isNew).length,
      present: this.#namesOfPresent(),
      typing: [...this.#typists.values()].map(({ name }) => name),
      drafts: this.#reader.drafts(performance.now()),
    };
  }
}
