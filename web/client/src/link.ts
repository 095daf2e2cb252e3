/** Runs the reconnect machine against real sockets and peer connections. Knows nothing of who is in the room. */
import { Emitter } from "./emitter";
import type { EndCode } from "./errors";
import { Peer, type PeerHandlers } from "./peer";
import { type ClientEvents, type JoinReply, PROTOCOL_VERSION, type ResumeReply } from "./protocol";
import type { ServerEvents, SlotsState, Sources } from "./protocol";
import { Recovery } from "./recovery";
import type { Command, RecoveryEvent, SessionState } from "./recovery_events";
import { type Signalling, type SignallingFactory, failureCode } from "./signalling";

export interface LinkEvents {
  /** The session state or the media state changed. */
  state: SessionState;
  /** A new peer connection is about to make its offer: give it its tracks. */
  peer: Peer;
  joined: JoinReply;
  resumed: ResumeReply;
  renegotiated: SlotsState;
  /** The socket cannot carry requests until `joined` or `resumed`. */
  unbound: null;
  server: ServerMessage;
  ended: EndCode;
}

export type ServerMessage = { [Name in keyof ServerEvents]: { name: Name; payload: ServerEvents[Name] } }[keyof ServerEvents];

export interface LinkOptions {
  url: string;
  token: string;
  resumeToken: string | null;
  /** What is active at this moment, asked at each join. */
  active: () => Sources;
  openSocket: SignallingFactory;
  createPeer: (handlers: PeerHandlers) => Peer;
  recovery?: Recovery;
}

/** How long a page waits for its goodbye to be heard. */
const GOODBYE_MS = 1_000;

export class Link extends Emitter<LinkEvents> {
  readonly #options: LinkOptions;
  readonly #recovery: Recovery;
  #socket: Signalling | null = null;
  #peer: Peer | null = null;
  #resumeToken: string | null;
  #participantId: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: LinkOptions) {
    super();
    this.#options = options;
    this.#recovery = options.recovery ?? new Recovery();
    this.#resumeToken = options.resumeToken;
  }

  get state(): SessionState {
    return this.#recovery.state;
  }

  get mediaLost(): boolean {
    return this.#recovery.mediaLost;
  }

  get peer(): Peer | null {
    return this.#peer;
  }

  /** Tell the machine what happened, and do what it says. */
  tell(event: RecoveryEvent): void {
    this.#perform(this.#recovery.handle(event, performance.now()));
  }

  /** A request outside the machine's own (set_source, select). */
  request<Name extends keyof ClientEvents>(
    name: Name,
    payload: ClientEvents[Name]["payload"],
  ): Promise<ClientEvents[Name]["reply"]> {
    if (!this.#socket) return Promise.reject(new Error("no socket"));
    return this.#socket.request(name, payload);
  }

  #perform(commands: Command[]): void {
    for (const command of commands) this.#do(command);
    clearTimeout(this.#timer);
    const next = this.#recovery.nextTimeout();
    if (next !== null) {
      const wait = Math.max(0, next - performance.now());
      this.#timer = setTimeout(() => this.#perform(this.#recovery.timeout(performance.now())), wait);
    }
    this.emit("state", this.state);
  }

  #do(command: Command): void {
    switch (command.do) {
      case "open_socket":
        return this.#openSocket();
      case "close_socket":
        return this.#closeSocket();
      case "join":
        return void this.#join(command.withResumeToken);
      case "resume":
        return void this.#resume();
      case "restart_ice":
        return void this.#restartIce();
      case "end":
        return void this.#end(command.code);
    }
  }

  #openSocket(): void {
    this.#closeSocket();
    const isCurrent = (): boolean => this.#socket === socket;
    const socket: Signalling = this.#options.openSocket(this.#options.url, {
      opened: () => isCurrent() && this.tell({ type: "socket_opened" }),
      lost: () => {
        if (!isCurrent()) return;
        this.#socket = null;
        this.emit("unbound", null);
        this.tell({ type: "socket_lost" });
      },
      event: (name, payload) => isCurrent() && this.#serverEvent({ name, payload } as ServerMessage),
    });
    this.#socket = socket;
  }

  #closeSocket(): void {
    this.#socket?.close();
    this.#socket = null;
    this.emit("unbound", null);
  }

  #serverEvent(message: ServerMessage): void {
    if (message.name === "reconnect") this.tell({ type: "server_reconnect" });
    else if (message.name === "closed") this.tell({ type: "server_closed", code: message.payload.code });
    else this.emit("server", message);
  }

  async #join(withResumeToken: boolean): Promise<void> {
    const socket = this.#socket;
    this.emit("unbound", null);
    this.#peer?.close();
    const peer: Peer = this.#options.createPeer({
      ice: (state) => this.#peer === peer && this.tell({ type: "ice", state }),
      transportFailed: () => this.#peer === peer && this.tell({ type: "transport_failed" }),
    });
    this.#peer = peer;
    this.emit("peer", peer);
    const request = { protocol: PROTOCOL_VERSION, token: this.#options.token } as const;
    await this.#exchange("join", socket, peer, async (description) => {
      const active = this.#options.active();
      const resume_token = withResumeToken ? this.#resumeToken : null;
      const reply = await socket!.request("join", { ...request, ...description, active, resume_token });
      if (this.#socket !== socket || this.#peer !== peer) return reply.answer;
      this.#participantId = reply.participant_id;
      this.#resumeToken = reply.resume_token;
      this.tell({ type: "join_ok" });
      this.emit("joined", reply);
      return reply.answer;
    });
  }

  async #resume(): Promise<void> {
    const socket = this.#socket;
    try {
      const reply = await socket!.request("resume", {
        protocol: PROTOCOL_VERSION,
        token: this.#options.token,
        participant_id: this.#participantId ?? "",
        resume_token: this.#resumeToken ?? "",
      });
      if (this.#socket !== socket) return;
      this.tell({ type: "resume_ok" });
      this.emit("resumed", reply);
    } catch (error) {
      if (this.#socket === socket) this.tell({ type: "resume_failed", code: failureCode(error) });
    }
  }

  async #restartIce(): Promise<void> {
    const socket = this.#socket;
    const peer = this.#peer!;
    await this.#exchange(
      "restart",
      socket,
      peer,
      async (description) => {
        const reply = await socket!.request("negotiate", description);
        if (this.#socket === socket && this.#peer === peer) {
          this.tell({ type: "restart_ok" });
          this.emit("renegotiated", reply);
        }
        return reply.answer;
      },
      { iceRestart: true },
    );
  }

  /** One offer and its answer. A refusal by the server and a browser that cannot follow are different failures. */
  async #exchange(
    what: "join" | "restart",
    socket: Signalling | null,
    peer: Peer,
    send: Parameters<Peer["offer"]>[0],
    options?: RTCOfferOptions,
  ): Promise<void> {
    let refused = false;
    try {
      await peer.offer(async (description) => {
        try {
          return await send(description);
        } catch (error) {
          refused = true;
          throw error;
        }
      }, options);
    } catch (error) {
      if (this.#socket !== socket || this.#peer !== peer) return;
      const code = failureCode(error);
      if (refused) this.tell(what === "join" ? { type: "join_failed", code } : { type: "restart_failed", code });
      else {
        reportError(error);
        this.tell({ type: "browser_failed" });
      }
    }
  }

  async #end(code: EndCode): Promise<void> {
    const socket = this.#socket;
    this.#socket = null;
    this.#peer?.close();
    this.emit("ended", code);
    if (code === "left" && socket) {
      const patience = new Promise((resolve) => setTimeout(resolve, GOODBYE_MS));
      await Promise.race([socket.request("leave", {}).catch(() => undefined), patience]);
    }
    socket?.close();
  }
}
