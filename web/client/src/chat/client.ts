/** The socket for messages and what is read over it; opened again and again until somebody closes it. */
import type { ChatClientEvents, ChatHelloReply, ChatOpened } from "../chat_protocol";
import { Emitter } from "../emitter";
import { onNetworkChange } from "../network";
import { PROTOCOL_VERSION } from "../protocol";
import type { Carrier } from "./carrier";
import { Conversation } from "./conversation";
import { ChatError, type ChatFailure, chatFailure, isPassingChat } from "./errors";
import type { TextStore } from "./outbox";
import { type ChatServerMessage, type ChatSocket, type ChatSocketFactory, openChatSocket } from "./socket";

/** As many conversations as one `chat_resume` may name. */
const MAX_RESUMED = 20;
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 15_000;
/** How often it is looked whether the meeting token was renewed: the server lets go of those whose token has ended. */
const RENEW_MS = 20_000;

export interface ChatOptions {
  /** The front's origin. */
  url: string;
  /** Who writes here (opaque): what is unsent is kept for them alone. */
  owner: string;
  /** The present meeting token; without it the login's cookie says who it is. */
  token?: () => string | Promise<string>;
  store?: TextStore;
  openSocket?: ChatSocketFactory;
  random?: () => number;
}

export type ChatState = "idle" | "connecting" | "online" | "offline" | "closed";

export interface ChatClientEventMap {
  changed: ChatState;
}

export class ChatClient extends Emitter<ChatClientEventMap> implements Carrier {
  state: ChatState = "idle";
  /** Why it is closed, when the server did not want it. */
  endCode: ChatFailure | null = null;
  hello: ChatHelloReply | null = null;

  readonly #options: ChatOptions;
  readonly #conversations = new Map<string, Conversation>();
  readonly #toResume = new Set<string>();
  #socket: ChatSocket | null = null;
  /** Fails everything that waits for an answer of a socket that is gone. */
  #abandon: ((error: ChatError) => void) | null = null;
  #gone: Promise<never> | null = null;
  #resuming = false;
  #attempts = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #greeted: string | undefined;
  #renewal: ReturnType<typeof setInterval> | undefined;
  #stopListening: () => void = () => undefined;

  constructor(options: ChatOptions) {
    super();
    this.#options = options;
  }

  get ready(): boolean {
    return this.state === "online";
  }

  start(): void {
    if (this.state !== "idle") return;
    this.#stopListening = onNetworkChange(() => {
      if (this.state === "offline") this.#connect();
    });
    this.#connect();
  }

  /** Read a conversation from now on; the same one is given to whoever asks again. */
  open(conversationId: string): Conversation {
    const known = this.#conversations.get(conversationId);
    if (known) return known;
    const store = this.#options.store ?? tabStore();
    const conversation = new Conversation(conversationId, this.#options.owner, store, this);
    this.#conversations.set(conversationId, conversation);
    this.resume(conversationId);
    return conversation;
  }

  /** Read it no more. */
  leave(conversation: Conversation): void {
    if (this.#conversations.get(conversation.id) !== conversation) return;
    this.#conversations.delete(conversation.id);
    this.#toResume.delete(conversation.id);
    conversation.close();
    if (this.ready) this.request("chat_close", { conversation_id: conversation.id }).catch(() => undefined);
  }

  close(): void {
    this.#end(null);
  }

  request<Name extends keyof ChatClientEvents>(
    name: Name,
    payload: ChatClientEvents[Name]["payload"],
  ): Promise<ChatClientEvents[Name]["reply"]> {
    const socket = this.#socket;
    if (!socket || !this.#gone) return Promise.reject(new ChatError("unreachable"));
    return Promise.race([socket.request(name, payload), this.#gone]);
  }

  resume(conversationId: string): void {
    this.#toResume.add(conversationId);
    void this.#resumeAll();
  }

  distrust(): void {
    this.#lost();
  }

  #connect(): void {
    clearTimeout(this.#retry);
    this.#become("connecting");
    const open = this.#options.openSocket ?? openChatSocket;
    const socket: ChatSocket = open(this.#options.url, {
      opened: () => void this.#greet(),
      lost: () => socket === this.#socket && this.#lost(),
      event: (message) => this.#take(message),
    });
    this.#socket = socket;
    this.#gone = new Promise((_, reject) => (this.#abandon = reject));
    this.#gone.catch(() => undefined);
  }

  async #greet(): Promise<void> {
    const socket = this.#socket;
    try {
      const token = await this.#options.token?.();
      const hello = await this.request("chat_hello", { protocol: PROTOCOL_VERSION, ...(token !== undefined && { token }) });
      if (socket !== this.#socket) return;
      this.hello = hello;
      this.#greeted = token;
    } catch (error) {
      if (socket !== this.#socket) return;
      const code = chatFailure(error);
      // A meeting token is replaced before long, and whoever waits is let in.
      const mayPass = this.#options.token && (code === "token_expired" || code === "not_admitted");
      return isPassingChat(code) || mayPass ? this.#lost() : this.#end(code);
    }
    this.#attempts = 0;
    if (this.#options.token) this.#renewal = setInterval(() => void this.#greetAgain(), RENEW_MS);
    this.#become("online");
    for (const { id, snapshot } of this.#conversations.values()) if (snapshot.status !== "ended") this.#toResume.add(id);
    void this.#resumeAll();
  }

  /** Show the meeting token that has taken the place of the one shown before. */
  async #greetAgain(): Promise<void> {
    const socket = this.#socket;
    try {
      const token = await this.#options.token?.();
      if (socket !== this.#socket || token === undefined || token === this.#greeted) return;
      await this.request("chat_hello", { protocol: PROTOCOL_VERSION, token });
      this.#greeted = token;
    } catch (error) {
      if (socket === this.#socket && !isPassingChat(chatFailure(error))) this.#lost(); // a new socket finds out why
    }
  }

  /** Ask for what is missing, as many conversations at a time as the server takes. */
  async #resumeAll(): Promise<void> {
    if (this.#resuming || !this.ready) return;
    this.#resuming = true;
    const socket = this.#socket;
    try {
      while (this.ready && socket === this.#socket && this.#toResume.size > 0) {
        const asked = [...this.#toResume].slice(0, MAX_RESUMED);
        for (const id of asked) this.#toResume.delete(id);
        const positions = asked.map((id) => ({ conversation_id: id, last_seq: this.#conversations.get(id)?.lastSeq ?? null }));
        const { conversations } = await this.request("chat_resume", { positions });
        if (socket !== this.#socket) break;
        const putOff = conversations.filter((answer) => this.#resumed(answer)); // each of them hears its answer
        if (putOff.length > 0) await pause(RETRY_MIN_MS);
      }
    } catch (error) {
      if (socket !== this.#socket) return;
      const code = chatFailure(error);
      if (isPassingChat(code)) this.#lost();
      else this.#end(code);
    } finally {
      this.#resuming = false;
      if (socket !== this.#socket) void this.#resumeAll();
    }
  }

  /** True when the server could not say now: it is asked again. */
  #resumed(answer: ChatOpened): boolean {
    const conversation = this.#conversations.get(answer.conversation_id);
    if (!conversation) return false;
    conversation.resumed(answer);
    const isPutOff = answer.error !== null && isPassingChat(answer.error);
    if (isPutOff) this.#toResume.add(conversation.id);
    return isPutOff;
  }

  #take(message: ChatServerMessage): void {
    this.#conversations.get(message.payload.conversation_id)?.take(message);
  }

  #lost(): void {
    if (this.state === "closed" || this.state === "idle") return;
    this.#drop();
    const longest = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** this.#attempts);
    this.#attempts += 1;
    // Half of the pause is random, so that a restarted server is not met by everybody at once.
    const wait = longest * (0.5 + (this.#options.random ?? Math.random)() / 2);
    this.#retry = setTimeout(() => this.#connect(), wait);
    this.#become("offline");
    for (const conversation of this.#conversations.values()) conversation.disconnected();
  }

  #end(code: ChatFailure | null): void {
    if (this.state === "closed") return;
    this.#stopListening();
    this.#drop();
    this.endCode = code;
    this.#become("closed");
    for (const conversation of this.#conversations.values()) {
      if (code) conversation.end(code);
      else conversation.close();
    }
  }

  #drop(): void {
    clearTimeout(this.#retry);
    clearInterval(this.#renewal);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#abandon?.(new ChatError("unreachable"));
  }

  #become(state: ChatState): void {
    if (this.state === state) return;
    this.state = state;
    this.emit("changed", state);
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The tab's storage, or the page's memory where that is forbidden. */
function tabStore(): TextStore {
  try {
    return sessionStorage;
  } catch {
    const kept = new Map<string, string>();
    return {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, value),
      removeItem: (key) => void kept.delete(key),
    };
  }
}
