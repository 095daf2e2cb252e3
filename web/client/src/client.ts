/** A meeting, from the first join to the last goodbye, whatever happens to the network between. No user interface. */
import { Emitter } from "./emitter";
import type { EndCode } from "./errors";
import { Link, type ServerMessage } from "./link";
import type { LocalMedia } from "./local_media";
import type { SessionMemory } from "./memory";
import { onNetworkChange } from "./network";
import { Peer, type PeerHandlers, type PeerOptions } from "./peer";
import type {
  LeaveReason,
  Participant,
  Report,
  Select,
  SlotsState,
  Source,
  WaitReply,
  WaitingPerson,
  WantedSource,
} from "./protocol";
import type { Quality } from "./quality";
import { QualityMonitor } from "./quality_monitor";
import type { SessionState } from "./recovery_events";
import { Roster } from "./roster";
import { type SignallingFactory, openSocket } from "./signalling";
import { type ReceiveTrack, SlotTable, type SourceTracks } from "./slots";
import { SourceSync } from "./source_sync";

export interface ParticipantView extends Participant {
  isSelf: boolean;
  speaking: boolean;
  quality: Quality;
  /** The tracks to play or show now; a source without a slot has none. */
  tracks: SourceTracks;
}

/** One's own place in the waiting room. */
export interface WaitingView extends Pick<WaitReply, "position" | "people_before" | "host_present" | "estimated_wait_s"> {
  title: string;
  /** Seconds since 1970. */
  startsAt: number | null;
  /** Whom to call when this does not work. */
  phone: string | null;
  /** The socket is gone for the moment; the place is kept a while. */
  reconnecting: boolean;
}

/** Everything a user interface shows; a new object whenever anything changed. */
export interface MeetingSnapshot {
  state: SessionState;
  /** Why it is over, once `state` is `closed`. */
  endCode: EndCode | null;
  /** Sound and picture do not get through at present. */
  mediaLost: boolean;
  roomName: string;
  selfId: string | null;
  participants: readonly ParticipantView[];
  /** participant_ids, the loudest first. */
  speakers: readonly string[];
  /** All receive sections that carry sound, for playing. */
  audio: readonly ReceiveTrack[];
  /** Where one stands, while `state` is `waiting`. */
  place: WaitingView | null;
  /** Who waits to be let in; hosts alone are told. */
  waiting: readonly WaitingPerson[];
}

export interface MeetingEvents {
  changed: MeetingSnapshot;
  participant_joined: Participant;
  participant_left: { participant: Participant; reason: LeaveReason };
  participant_changed: { before: Participant; now: Participant };
}

/** What a user interface needs of a meeting; MeetingClient is the real one. */
export interface MeetingSession {
  readonly media: LocalMedia;
  readonly snapshot: MeetingSnapshot;
  on<Name extends keyof MeetingEvents>(name: Name, listener: (detail: MeetingEvents[Name]) => void): () => void;
  /** Which videos are on the screen, the most important first; `hidden` while nobody looks at the page. */
  select(wanted: WantedSource[], hidden?: boolean): void;
  /** Let somebody in; hosts only. */
  admit(participantId: string): Promise<void>;
  /** Turn somebody away, or out of the room; hosts only. */
  remove(participantId: string): Promise<void>;
  leave(): void;
}

export interface MeetingOptions extends Partial<PeerOptions> {
  media: LocalMedia;
  /** Where the right to one's place survives a reload; without it a reload takes a new place. */
  memory?: SessionMemory;
  /** Gets another token when the one at hand has expired, as after a long sleep of the computer. */
  freshToken?: (() => Promise<string>) | undefined;
  openSocket?: SignallingFactory;
  createPeer?: (options: PeerOptions, handlers: PeerHandlers) => Peer;
}

const SOURCES: readonly Source[] = ["microphone", "camera", "screen"];
/** After these there is no place to come back to. */
const FINAL: ReadonlySet<EndCode> = new Set([
  "left",
  "removed",
  "denied",
  "revoked",
  "replaced",
  "room_closed",
  "cancelled",
  "moved",
  "unknown_room",
]);

export class MeetingClient extends Emitter<MeetingEvents> implements MeetingSession {
  readonly media: LocalMedia;
  readonly #options: MeetingOptions;
  readonly #roster = new Roster();
  readonly #slots = new SlotTable();
  readonly #sync: SourceSync;
  readonly #quality: QualityMonitor;
  #link: Link | null = null;
  #snapshot: MeetingSnapshot;
  #roomName = "";
  #endCode: EndCode | null = null;
  #resumeToken: string | null = null;
  #selection: Select | null = null;
  #place: Omit<WaitingView, "reconnecting"> | null = null;
  #waiting: readonly WaitingPerson[] = [];
  /** What the server said between a join and its reply: it builds on the reply. */
  #early: ServerMessage[] | null = null;
  #cleanUp: (() => void)[] = [];

  constructor(options: MeetingOptions) {
    super();
    this.#options = options;
    this.media = options.media;
    this.#sync = new SourceSync((message) => this.#link!.request("set_source", message), () => this.media.active());
    this.#quality = new QualityMonitor(
      (mid) => this.#slots.owner(mid)?.participantId ?? null,
      () => this.#changed(),
      (report) => this.#report(report),
    );
    this.#snapshot = this.#makeSnapshot();
  }

  get snapshot(): MeetingSnapshot {
    return this.#snapshot;
  }

  /** The present peer connection, for statistics; another one after some reconnects. */
  get peerConnection(): RTCPeerConnection | null {
    return this.#link?.peer?.connection ?? null;
  }

  /** The present meeting token, for what goes besides the meeting's socket; null before `connect`. */
  get token(): string | null {
    return this.#link?.token ?? null;
  }

  /** Join the token's room at `url` (the front's origin). Progress is told by `changed`; a client joins once. */
  connect(url: string, token: string): void {
    if (this.#link) throw new Error("this client has been used");
    const { slotPairs = 8, simulcast = true, createPeer, memory } = this.#options;
    const make = createPeer ?? ((options: PeerOptions, handlers: PeerHandlers) => new Peer(options, handlers));
    const remembered = memory?.load();
    const link = new Link({
      url,
      token,
      freshToken: this.#options.freshToken,
      resumeToken: remembered?.resumeToken ?? null,
      waiting: remembered?.waiting ?? false,
      active: () => this.media.active(),
      openSocket: this.#options.openSocket ?? openSocket,
      createPeer: (handlers, iceServers) => make({ slotPairs, simulcast, iceServers }, handlers),
    });
    this.#link = link;
    link.on("peer", (peer) => {
      this.#early = [];
      for (const source of SOURCES) void peer.setTrack(source, this.media.sources[source].track);
    });
    link.on("waiting", (reply) => {
      const { position, people_before, host_present, estimated_wait_s } = reply;
      const place = { position, people_before, host_present, estimated_wait_s };
      this.#place = { ...place, title: reply.meeting_title, startsAt: reply.starts_at, phone: reply.phone };
      this.#resumeToken = reply.resume_token;
      this.#remember();
      this.#changed();
    });
    link.on("joined", (reply) => {
      this.#place = null;
      this.#waiting = reply.waiting;
      this.#roomName = reply.room_name;
      this.#resumeToken = reply.resume_token;
      this.#slots.reset();
      this.#roster.replace(reply.participants, reply.participant_id);
      this.#quality.start(link.peer!, reply.participant_id);
      this.#remember();
      this.#bound(reply);
      const early = this.#early ?? [];
      this.#early = null;
      for (const message of early) this.#serverMessage(message);
    });
    link.on("resumed", (reply) => {
      this.#roster.replace(reply.participants);
      this.#waiting = reply.waiting;
      this.#bound(reply);
    });
    link.on("renegotiated", (reply) => this.#applySlots(reply));
    link.on("unbound", () => this.#sync.stop());
    link.on("server", (message) => this.#serverMessage(message));
    link.on("state", () => this.#changed());
    link.on("ended", (code) => this.#ended(code));
    this.#cleanUp.push(
      this.media.on("changed", (source) => this.#sourceChanged(source)),
      onNetworkChange(() => link.tell({ type: "network_changed" })),
    );
    link.start();
  }

  /** Leave for good: the place is given up at once. */
  leave(): void {
    this.#quality.report();
    this.#link?.tell({ type: "leave" });
  }

  #report(report: Report): void {
    if (this.#link?.state === "connected") this.#link.request("report", report).catch(() => undefined);
  }

  /** Say which videos are on the screen, the most important first; an empty list lets the server choose. */
  select(wanted: WantedSource[], hidden = false): void {
    this.#selection = { wanted, hidden };
    if (this.#link?.state === "connected") this.#link.request("select", this.#selection).catch(() => undefined);
  }

  async admit(participantId: string): Promise<void> {
    await this.#link?.request("admit", { participant_id: participantId });
  }

  async remove(participantId: string): Promise<void> {
    await this.#link?.request("remove", { participant_id: participantId });
  }

  #bound(state: SlotsState): void {
    this.#applySlots(state);
    const self = this.#roster.selfId ? this.#roster.get(this.#roster.selfId) : undefined;
    this.#sync.start(self?.sources ?? this.media.active());
    if (this.#selection) this.#link?.request("select", this.#selection).catch(() => undefined);
  }

  #applySlots(state: SlotsState): void {
    if (this.#slots.apply(state)) this.#changed();
  }

  #sourceChanged(source: Source): void {
    void this.#link?.peer?.setTrack(source, this.media.sources[source].track);
    this.#sync.update(source);
    this.#remember();
    this.#changed();
  }

  #serverMessage(message: ServerMessage): void {
    if (this.#early) {
      this.#early.push(message);
      return;
    }
    const { name, payload } = message;
    if (name === "participant_joined") {
      const { participant } = payload;
      const isNew = !this.#roster.get(participant.participant_id);
      this.#roster.set(participant);
      if (isNew) this.emit("participant_joined", participant);
    } else if (name === "participant_changed") {
      const before = this.#roster.get(payload.participant.participant_id);
      this.#roster.set(payload.participant);
      if (before) this.emit("participant_changed", { before, now: payload.participant });
    } else if (name === "participant_left") {
      this.#slots.release(payload.participant_id);
      const participant = this.#roster.remove(payload.participant_id);
      if (participant) this.emit("participant_left", { participant, reason: payload.reason });
    } else if (name === "speakers") {
      this.#roster.setSpeakers(payload.participant_ids);
    } else if (name === "waiting") {
      this.#waiting = payload.people;
    } else if (name === "waiting_changed") {
      if (this.#place) this.#place = { ...this.#place, ...payload };
    } else if (name === "slots") {
      this.#slots.apply(payload);
    }
    this.#changed();
  }

  #remember(): void {
    if (!this.#resumeToken || this.#endCode) return;
    const { microphone, camera } = this.media.sources;
    const active = { microphone: microphone.active, camera: camera.active };
    this.#options.memory?.save({ resumeToken: this.#resumeToken, waiting: this.#place !== null, active });
  }

  #ended(code: EndCode): void {
    this.#endCode = code;
    this.#cleanUp.forEach((clean) => clean());
    this.#sync.stop();
    this.#quality.stop();
    if (FINAL.has(code)) this.#options.memory?.clear();
    this.media.stop();
    this.#changed();
  }

  #changed(): void {
    this.#snapshot = this.#makeSnapshot();
    this.emit("changed", this.#snapshot);
  }

  #makeSnapshot(): MeetingSnapshot {
    const received = this.#link?.peer?.received() ?? [];
    const tracks = this.#slots.tracks(received);
    const { selfId } = this.#roster;
    return {
      state: this.#link?.state ?? "idle",
      endCode: this.#endCode,
      mediaLost: this.#link?.mediaLost ?? false,
      roomName: this.#roomName,
      selfId,
      participants: this.#roster.all().map((participant) => {
        const id = participant.participant_id;
        const isSelf = id === selfId;
        return {
          ...participant,
          sources: isSelf ? this.media.active() : participant.sources,
          isSelf,
          speaking: this.#roster.isSpeaking(id),
          quality: this.#quality.mark(id),
          tracks: isSelf ? this.#ownTracks() : (tracks.get(id) ?? {}),
        };
      }),
      speakers: this.#roster.speakers,
      audio: received.filter((section) => section.kind === "audio"),
      place: this.#makePlace(),
      waiting: this.#waiting,
    };
  }

  #makePlace(): WaitingView | null {
    if (!this.#place || this.#link?.state !== "waiting") return null;
    return { ...this.#place, reconnecting: !this.#link.socketOpen };
  }

  #ownTracks(): SourceTracks {
    const { camera, screen } = this.media.sources;
    return { camera: camera.track ?? undefined, screen: screen.track ?? undefined };
  }
}
