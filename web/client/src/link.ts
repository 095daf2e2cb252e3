/** Runs the reconnect machine against real sockets and peer connections. Knows nothing of who is in the room. */
import { Emitter } from "./emitter";
import { type EndCode, MeetingError } from "./errors";
import { Peer, type PeerHandlers } from "./peer";
import { type ClientEvents, type JoinReply, PROTOCOL_VERSION, type ResumeReply, type WaitReply } from "./protocol";
import type { ServerEvents, SlotsState, Sources } from "./protocol";
import { Recovery } from "./recovery";
import type { Command, RecoveryEvent, SessionState } from "./recovery_events";
import { Renewal } from "./renewal";
import { type Signalling, type SignallingFactory, failureCode } from "./signalling";
import { readToken } from "./token";

export interface LinkEvents {
  /** The session state or the media state changed. */
  state: SessionState;
  /** A new peer connection is about to make its offer: give it its tracks. */
  peer: Peer;
  /** In the waiting room. */
  waiting: WaitReply;
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
  /** Gets another token when this one has expired; without it that is the end. */
  freshToken?: (() => Promise<string>) | undefined;
  resumeToken: string | null;
  /** `resumeToken` is of a place in the waiting room. */
  waiting?: boolean;
  /** What is active at this moment, asked at each join. */
  active: () => Sources;
  openSocket: SignallingFactory;
  createPeer: (handlers: PeerHandlers, iceServers: RTCIceServer[]) => Peer;
  recovery?: Recovery;
}

/** How long a page waits for its goodbye to be heard. */
const GOODBYE_MS = 1_000;
/** Direct paths that work are found sooner than this; then TURN, which the first offer did not know of, is tried. */
const DIRECT_MS = 2_000;

export class Link extends Emitter<LinkEvents> {
  readonly #options: LinkOptions;
  readonly #recovery: Recovery;
  #socket: Signalling | null = null;
  #peer: Peer | null = null;
  #token: string;
  #resumeToken: string | null;
  #waitToken: string | null;
  #participantId: string | null = null;
  #iceServers: RTCIceServer[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #relayTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #renewal: Renewal;

  constructor(options: LinkOptions) {
    super();
    this.#options = options;
    this.#recovery = options.recovery ?? new Recovery();
    this.#token = options.token;
    this.#resumeToken = options.waiting ? null : options.resumeToken;
    this.#waitToken = options.waiting ? options.resumeToken : null;
    this.#renewal = new Renewal({
      renew: async () => (await this.request("renew", {})).token,
      renewed: (token) => (this.#token = token),
    });
    this.#renewal.take(options.token);
  }

  /** The present meeting token. */
  get token(): string {
    return this.#token;
  }

  /** Begin: join, or wait where the token is not admitted. */
  start(): void {
    this.tell({ type: "start", mustWait: readToken(this.#token)?.admitted === false });
  }

  /** Whether a socket is open: in the waiting room nothing else shows it. */
  get socketOpen(): boolean {
    return this.#recovery.socketOpen;
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
      case "wait":
        return void this.#wait();
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
        this.#unbound();
        this.tell({ type: "socket_lost" });
      },
      event: (name, payload) => isCurrent() && this.#serverEvent({ name, payload } as ServerMessage),
    });
    this.#socket = socket;
  }

  #closeSocket(): void {
    this.#socket?.close();
    this.#socket = null;
    this.#unbound();
  }

  #unbound(): void {
    this.#renewal.pause();
    this.emit("unbound", null);
  }

  #serverEvent(message: ServerMessage): void {
    if (message.name === "reconnect") this.tell({ type: "server_reconnect" });
    else if (message.name === "closed") this.tell({ type: "server_closed", code: message.payload.code });
    else if (message.name === "admitted") this.#admitted(message.payload.token);
    else this.emit("server", message);
  }

  #admitted(token: string): void {
    this.#token = token;
    this.#waitToken = null;
    this.#renewal.take(token);
    this.tell({ type: "admitted" });
  }

  /** A request with the token; where that has expired, once more with a fresh one. */
  async #authorised<Reply>(send: (token: string) => Promise<Reply>): Promise<Reply> {
    try {
      return await send(this.#token);
    } catch (error) {
      const fresh = this.#options.freshToken;
      if (!fresh || !(error instanceof MeetingError) || error.code !== "token_expired") throw error;
      this.#token = await fresh();
      this.#renewal.take(this.#token);
      return send(this.#token);
    }
  }

  async #wait(): Promise<void> {
    const socket = this.#socket;
    this.#unbound();
    this.#dropPeer();
    try {
      const reply = await this.#authorised((token) =>
        socket!.request("wait", { protocol: PROTOCOL_VERSION, token, resume_token: this.#waitToken }),
      );
      if (this.#socket !== socket) return;
      this.#waitToken = reply.resume_token;
      this.tell({ type: "wait_ok" });
      this.emit("waiting", reply);
      this.#renewal.resume();
      if (reply.admitted_token) this.#admitted(reply.admitted_token);
    } catch (error) {
      if (this.#socket === socket) this.tell({ type: "wait_failed", code: failureCode(error) });
    }
  }

  /** A place in the waiting room has no peer connection: nothing is sent, nothing is received. */
  #dropPeer(): void {
    this.#peer?.close();
    this.#peer = null;
  }

  #useServers(peer: Peer, servers: RTCIceServer[]): void {
    this.#iceServers = servers;
    clearTimeout(this.#relayTimer);
    if (servers.length === 0) return;
    peer.useServers(servers);
    this.#relayTimer = setTimeout(() => {
      const state = peer.connection.iceConnectionState;
      if (this.#peer === peer && state !== "connected" && state !== "completed") this.tell({ type: "network_changed" });
    }, DIRECT_MS);
  }

  async #join(withResumeToken: boolean): Promise<void> {
    const socket = this.#socket;
    this.#unbound();
    this.#peer?.close();
    const handlers: PeerHandlers = {
      ice: (state) => this.#peer === peer && this.tell({ type: "ice", state }),
      transportFailed: () => this.#peer === peer && this.tell({ type: "transport_failed" }),
    };
    const peer: Peer = this.#options.createPeer(handlers, this.#iceServers);
    this.#peer = peer;
    this.emit("peer", peer);
    await this.#exchange("join", socket, peer, async (description) => {
      const active = this.#options.active();
      const resume_token = withResumeToken ? this.#resumeToken : null;
      const reply = await this.#authorised((token) =>
        socket!.request("join", { protocol: PROTOCOL_VERSION, token, ...description, active, resume_token }),
      );
      if (this.#socket !== socket || this.#peer !== peer) return reply.answer;
      this.#participantId = reply.participant_id;
      this.#resumeToken = reply.resume_token;
      this.#useServers(peer, reply.ice_servers);
      this.tell({ type: "join_ok" });
      this.emit("joined", reply);
      this.#renewal.resume();
      return reply.answer;
    });
  }

  async #resume(): Promise<void> {
    const socket = this.#socket;
    try {
      const reply = await this.#authorised((token) =>
        socket!.request("resume", {
          protocol: PROTOCOL_VERSION,
          token,
          participant_id: this.#participantId ?? "",
          resume_token: this.#resumeToken ?? "",
        }),
      );
      if (this.#socket !== socket) return;
      this.tell({ type: "resume_ok" });
      this.emit("resumed", reply);
      this.#renewal.resume();
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
    clearTimeout(this.#relayTimer);
    this.#renewal.pause();
    this.#peer?.close();
    this.emit("ended", code);
    if (code === "left" && socket) {
      const patience = new Promise((resolve) => setTimeout(resolve, GOODBYE_MS));
      await Promise.race([socket.request("leave", {}).catch(() => undefined), patience]);
    }
    socket?.close();
  }
}
