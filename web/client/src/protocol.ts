// Generated from signalling/protocol.py by `python -m signalling.documents`. Do not edit.

export const PROTOCOL_VERSION = 1;

export type Source = "microphone" | "camera" | "screen";

export type Quality = "low" | "medium" | "high";

export type Role = "host" | "participant" | "guest" | "interpreter";

export type ParticipantState = "connected" | "lost";

export type LeaveReason = "left" | "lost" | "removed" | "replaced";

export type ReconnectReason = "worker_lost" | "transport_failed";

export type MediaPath = "" | "udp" | "tcp" | "relay_udp" | "relay_tcp" | "relay_tls";

export type ClosedCode =
  | "room_closed"
  | "cancelled"
  | "moved"
  | "removed"
  | "replaced"
  | "denied"
  | "revoked";

export type ErrorCode =
  | "invalid_message"
  | "unsupported_protocol"
  | "token_invalid"
  | "token_expired"
  | "revoked"
  | "removed"
  | "not_admitted"
  | "forbidden"
  | "unknown_room"
  | "unknown_participant"
  | "room_full"
  | "identity_in_use"
  | "not_joined"
  | "already_joined"
  | "resume_refused"
  | "offer_invalid"
  | "offer_no_fingerprint"
  | "offer_too_large"
  | "too_many_media"
  | "no_worker"
  | "worker_timeout"
  | "rate_limited"
  | "message_too_large"
  | "internal";

export const ERROR_CODES: readonly ErrorCode[] = [
  "invalid_message",
  "unsupported_protocol",
  "token_invalid",
  "token_expired",
  "revoked",
  "removed",
  "not_admitted",
  "forbidden",
  "unknown_room",
  "unknown_participant",
  "room_full",
  "identity_in_use",
  "not_joined",
  "already_joined",
  "resume_refused",
  "offer_invalid",
  "offer_no_fingerprint",
  "offer_too_large",
  "too_many_media",
  "no_worker",
  "worker_timeout",
  "rate_limited",
  "message_too_large",
  "internal",
];

/** Which of a participant's sources are active (sending and not muted). */
export interface Sources {
  microphone: boolean;
  camera: boolean;
  screen: boolean;
}

/** Somebody in the room, as everybody in the room may see them. */
export interface Participant {
  /** Random id of this participation; not the identity. */
  participant_id: string;
  /** The name to show. */
  display_name: string;
  /** What the participant may do in the room. */
  role: Role;
  /** `lost`: the connection is gone, the place is kept a while. */
  state: ParticipantState;
  /** Which sources are active. */
  sources: Sources;
}

/** What one of the client's own `recvonly` media sections carries now. */
export interface SlotAssignment {
  /** The client's own media section. */
  mid: string;
  /** Whose source it carries; null when empty. */
  participant_id: string | null;
  /** Which source it carries; null when empty. */
  source: Source | null;
}

/** One video a client wants to see, in `select`. */
export interface WantedSource {
  participant_id: string;
  source: Source;
  /** The highest quality worth sending, by the size on the screen. */
  quality: Quality;
}

/** Somebody in the waiting room, as the hosts see them. */
export interface WaitingPerson {
  /** Random id of this wait, for `admit` and `remove`. */
  participant_id: string;
  /** The name to confirm. A guest chose it: nobody has checked it. */
  display_name: string;
  /** The role that the token gives. */
  role: Role;
  /** Waiting since, in seconds since the epoch. */
  since: number;
  /** `lost`: the connection is gone, the place is kept a while. */
  state: ParticipantState;
}

/** Where somebody stands in the waiting room: nothing about who else is there. */
export interface WaitingPlace {
  /** 1 is next. */
  position: number;
  /** How many came earlier and still wait. */
  people_before: number;
  /** Whether a host is in the room. */
  host_present: boolean;
  /** From how fast people were let in lately, in seconds; null when nothing is known. */
  estimated_wait_s: number | null;
}

/** A TURN server and credentials for it, in the form of `RTCIceServer` (W3C WebRTC). */
export interface IceServer {
  /** `turn:` and `turns:` addresses (RFC 7065). */
  urls: string[];
  /** Expires by itself: it begins with the time of its end. */
  username: string;
  credential: string;
}

/** Why a client event was refused. */
export interface WireError {
  /** What to act on and to translate by. */
  code: ErrorCode;
  /** English text for developers. */
  message: string;
  /** The field at fault, when one is. */
  field?: string | null;
}

/** Enter the token's room with one offer. The first message on a socket, within 10 s of its opening. */
export interface Join {
  /** The protocol version. */
  protocol: 1;
  /** A meeting token (JWT). */
  token: string;
  /** SDP offer of the one peer connection: sendonly microphone, camera, screen, then pairs of recvonly audio and video (the slots). */
  offer: string;
  /** Which sendonly media section is what. */
  tracks: Record<string, Source>;
  /** Which sources are active from the start; missing ones are not. */
  active?: Partial<Record<Source, boolean>>;
  /** From an earlier join, to take the same place over (page reload, new worker). */
  resume_token?: string | null;
}

/** Ask to be let in: the first message of a socket whose token is not admitted. No offer, no media yet. When a host admits, the server sends `admitted` with a token; the same socket then sends `join` with it. Lost sockets send `wait` again, with the resume token, and find their place kept for a while. */
export interface Wait {
  /** The protocol version. */
  protocol: 1;
  /** A meeting token (JWT) that is not admitted. */
  token: string;
  /** From an earlier `wait`, to take the same place over while its socket is not gone. */
  resume_token?: string | null;
}

/** Let somebody in from the waiting room. Hosts only. */
export interface Admit {
  /** Of the one who waits. */
  participant_id: string;
}

/** Turn somebody away, or take somebody out of the room; what let them in leads nowhere from now on. Hosts only. */
export interface Remove {
  /** Of the one who waits or is in the room. */
  participant_id: string;
}

/** Get a fresh meeting token before the old one expires; for those who wait and for those in the room. */
export interface Renew {
}

/** Bind a new socket to a participation whose peer connection still lives (the old socket was lost). */
export interface Resume {
  /** The protocol version. */
  protocol: 1;
  /** The meeting token; it may have expired while the call went on. */
  token: string;
  participant_id: string;
  resume_token: string;
}

/** A new offer on the same peer connection: ICE restart, or more slots. */
export interface Negotiate {
  offer: string;
  /** As in `join`, for all media sections. */
  tracks: Record<string, Source>;
}

/** A source was muted, unmuted, started or stopped. Needs no offer. */
export interface SetSource {
  source: Source;
  active: boolean;
}

/** Which videos the client shows, the most important first. An empty list lets the server choose. */
export interface Select {
  wanted: WantedSource[];
  /** Nobody looks at present (a page in the background): no video is sent, sound is. */
  hidden?: boolean;
}

/** How the call went so far by the browser's statistics, for the record of the visit: now and then, and before `leave`. The numbers count from the start of the peer connection. */
export interface Report {
  /** Of all pictures that were received. */
  freezes: number;
  /** How long those took together, in milliseconds. */
  frozen_ms: number;
  /** The worst of what is received now, in milliseconds. */
  jitter_ms: number;
  /** How media goes now; empty when that is not known. */
  path: MediaPath;
}

/** Leave the room or the waiting room for good. */
export interface Leave {
}

/** All slots of the client, with a version that grows with each change. */
export interface SlotsState {
  /** All slots of this client, in the order of its offer. */
  slots: SlotAssignment[];
  /** Grows with each change; ignore a state older than the newest seen. */
  slots_version: number;
}

/** The reply to `join`. */
export interface JoinReply extends SlotsState {
  /** The client's own id in the room. */
  participant_id: string;
  /** Secret: proves a right to this place. A web page keeps it in `sessionStorage`, so that a reload finds the place again and another tab does not; nothing may keep it longer or send it anywhere else. */
  resume_token: string;
  /** When the meeting token expires, in seconds since the epoch; `renew` well before. */
  token_expires_at: number;
  room_id: string;
  room_name: string;
  /** SDP answer. */
  answer: string;
  /** Everybody in the room, the client included. */
  participants: Participant[];
  /** How long a lost participant's place is kept, in milliseconds. */
  lost_after_ms: number;
  /** Who waits to be let in, for hosts; empty for everybody else. */
  waiting: WaitingPerson[];
  /** TURN servers for `RTCPeerConnection.setConfiguration`; empty when there are none. */
  ice_servers: IceServer[];
}

/** The reply to `wait`. */
export interface WaitReply extends WaitingPlace {
  /** Random id of this wait. */
  participant_id: string;
  /** Secret: proves a right to this place in the queue. */
  resume_token: string;
  /** When the meeting token expires, in seconds since the epoch; `renew` well before. */
  token_expires_at: number;
  meeting_title: string;
  /** When the meeting is planned to begin, in seconds since the epoch. */
  starts_at: number | null;
  /** The number to call when video does not work out. */
  phone: string | null;
  /** Set when a host has let this person in already (after a reload): `join` with it at once. */
  admitted_token: string | null;
}

/** The reply to `resume`. */
export interface ResumeReply extends SlotsState {
  /** Everybody in the room, the client included. */
  participants: Participant[];
  /** Who waits to be let in, for hosts; empty for everybody else. */
  waiting: WaitingPerson[];
}

/** The reply to `renew`. */
export interface RenewReply {
  /** The new meeting token; it says what the old one said. */
  token: string;
  /** Seconds since the epoch. */
  expires_at: number;
}

/** The reply to `negotiate`. */
export interface NegotiateReply extends SlotsState {
  /** SDP answer. */
  answer: string;
}

/** The reply to events that have nothing to tell. */
export interface Done {
}

/** Somebody entered the room. */
export interface ParticipantJoined {
  participant: Participant;
}

/** Somebody's state or sources changed. */
export interface ParticipantChanged {
  participant: Participant;
}

/** Somebody is out of the room. */
export interface ParticipantLeft {
  participant_id: string;
  reason: LeaveReason;
}

/** What the client's slots carry from now on (all of them, not a difference). */
export interface Slots extends SlotsState {
}

/** Who speaks, sent when it changes and at most five times a second. */
export interface Speakers {
  /** The loudest first; empty when all are silent. */
  participant_ids: string[];
}

/** The media path is gone: make a new peer connection and `join` again at once, with the resume token. Those who wait send `wait` again. */
export interface Reconnect {
  reason: ReconnectReason;
}

/** Who waits to be let in, sent to hosts whenever it changes (all of them, not a difference). */
export interface Waiting {
  /** The longest waiting first. */
  people: WaitingPerson[];
}

/** The client's own place in the waiting room has changed. */
export interface WaitingChanged extends WaitingPlace {
}

/** A host let the client in: `join` with this token on the same socket. */
export interface Admitted {
  /** The admitted meeting token. */
  token: string;
  /** Seconds since the epoch. */
  expires_at: number;
}

/** The participation is over; the client must not come back by itself. `removed`: a host took you out; `denied`: a host did not let you in; `revoked`: your login or link was withdrawn; `cancelled`, `moved`: the booking behind the meeting was. */
export interface Closed {
  code: ClosedCode;
  /** English text for developers. */
  message: string;
}

/** How every client event is acknowledged. */
export type Acknowledgement<Reply> = ({ ok: true } & Reply) | { ok: false; error: WireError };

/** Client events: what is sent, and what the acknowledgement carries when it is ok. */
export interface ClientEvents {
  join: { payload: Join; reply: JoinReply };
  wait: { payload: Wait; reply: WaitReply };
  resume: { payload: Resume; reply: ResumeReply };
  negotiate: { payload: Negotiate; reply: NegotiateReply };
  set_source: { payload: SetSource; reply: Done };
  select: { payload: Select; reply: Done };
  report: { payload: Report; reply: Done };
  admit: { payload: Admit; reply: Done };
  remove: { payload: Remove; reply: Done };
  renew: { payload: Renew; reply: RenewReply };
  leave: { payload: Leave; reply: Done };
}

/** Server events: what is received unasked. */
export interface ServerEvents {
  participant_joined: ParticipantJoined;
  participant_changed: ParticipantChanged;
  participant_left: ParticipantLeft;
  slots: Slots;
  speakers: Speakers;
  waiting: Waiting;
  waiting_changed: WaitingChanged;
  admitted: Admitted;
  reconnect: Reconnect;
  closed: Closed;
}
