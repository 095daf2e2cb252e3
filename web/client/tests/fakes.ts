/** Stand-ins for what a browser and a front give, driven by hand. */
import { MeetingError, type FailureCode } from "../src/errors";
import type { Peer, PeerHandlers } from "../src/peer";
import type { ClientEvents, JoinReply, Participant, ServerEvents, Source, WaitReply } from "../src/protocol";
import type { Signalling, SignallingHandlers } from "../src/signalling";
import type { ReceiveTrack } from "../src/slots";

export class FakeTrack extends EventTarget {
  enabled = true;
  readyState: "live" | "ended" = "live";

  constructor(
    readonly kind: "audio" | "video",
    readonly deviceId = "device",
  ) {
    super();
  }

  getSettings(): MediaTrackSettings {
    return { deviceId: this.deviceId };
  }

  stop(): void {
    this.readyState = "ended";
  }

  unplug(): void {
    this.stop();
    this.dispatchEvent(new Event("ended"));
  }
}

export function fakeTrack(source: Source): MediaStreamTrack & FakeTrack {
  return new FakeTrack(source === "microphone" ? "audio" : "video") as unknown as MediaStreamTrack & FakeTrack;
}

interface Asked {
  name: keyof ClientEvents;
  payload: unknown;
  ok: (reply?: unknown) => Promise<void>;
  fail: (code: FailureCode) => Promise<void>;
}

/** Lets everything that waits on a kept promise go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

/** One socket; tests open it, answer what it was asked, and break it. */
export class FakeSocket implements Signalling {
  readonly asked: Asked[] = [];
  closed = false;

  constructor(readonly handlers: SignallingHandlers) {}

  request<Name extends keyof ClientEvents>(
    name: Name,
    payload: ClientEvents[Name]["payload"],
  ): Promise<ClientEvents[Name]["reply"]> {
    return new Promise((resolve, reject) => {
      this.asked.push({
        name,
        payload,
        ok: (reply = {}) => (resolve(reply as ClientEvents[Name]["reply"]), settle()),
        fail: (code) => (reject(new MeetingError(code, code)), settle()),
      });
    });
  }

  last(name: keyof ClientEvents): Asked {
    const found = this.asked.filter((asked) => asked.name === name).at(-1);
    if (!found) throw new Error(`${name} was not asked`);
    return found;
  }

  names(): string[] {
    return this.asked.map((asked) => asked.name);
  }

  async tell<Name extends keyof ServerEvents>(name: Name, payload: ServerEvents[Name]): Promise<void> {
    this.handlers.event(name, payload);
    await settle();
  }

  close(): void {
    this.closed = true;
  }
}

/** A peer connection that offers "offer" and keeps what it was given. */
export class FakePeer {
  readonly connection = { connectionState: "new" } as RTCPeerConnection;
  readonly sending: Partial<Record<Source, MediaStreamTrack | null>> = {};
  readonly answers: string[] = [];
  iceServers: RTCIceServer[] = [];
  closed = false;

  constructor(readonly handlers: PeerHandlers) {}

  setTrack(source: Source, track: MediaStreamTrack | null): Promise<void> {
    this.sending[source] = track;
    return Promise.resolve();
  }

  useServers(iceServers: RTCIceServer[]): void {
    this.iceServers = iceServers;
  }

  received(): ReceiveTrack[] {
    return [
      { mid: "3", kind: "audio", track: fakeTrack("microphone") },
      { mid: "4", kind: "video", track: fakeTrack("camera") },
    ];
  }

  async offer(exchange: Parameters<Peer["offer"]>[0]): Promise<void> {
    const tracks = { "0": "microphone", "1": "camera", "2": "screen" } as const;
    this.answers.push(await exchange({ offer: "offer", tracks }));
  }

  close(): void {
    this.closed = true;
  }
}

export function person(id: string, change: Partial<Participant> = {}): Participant {
  return {
    participant_id: id,
    display_name: id,
    role: "participant",
    state: "connected",
    sources: { microphone: false, camera: false, screen: false },
    ...change,
  };
}

export function joinReply(change: Partial<JoinReply> = {}): JoinReply {
  return {
    participant_id: "me",
    resume_token: "right",
    room_id: "r1",
    room_name: "A room",
    answer: "answer",
    participants: [person("me")],
    slots: [],
    slots_version: 0,
    lost_after_ms: 30_000,
    token_expires_at: 4_000_000_000,
    waiting: [],
    ice_servers: [],
    ...change,
  };
}

/** A token that says who one is; nobody verifies it here. */
export function token(claims: Record<string, unknown> = {}): string {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const all = { sub: "anna", name: "Anna", room: "r1", iat: 1_000, exp: 4_000_000_000, ...claims };
  return `${encode({ alg: "HS256" })}.${encode(all)}.signature`;
}

export function waitReply(change: Partial<WaitReply> = {}): WaitReply {
  return {
    participant_id: "w1",
    resume_token: "queue",
    token_expires_at: 4_000_000_000,
    meeting_title: "Visit",
    starts_at: null,
    phone: "08-1",
    admitted_token: null,
    position: 2,
    people_before: 1,
    host_present: false,
    estimated_wait_s: null,
    ...change,
  };
}
