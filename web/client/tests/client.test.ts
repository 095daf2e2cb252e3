import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MeetingClient } from "../src/client";
import { LocalMedia } from "../src/local_media";
import type { Remembered, SessionMemory } from "../src/memory";
import type { Peer } from "../src/peer";
import { FakePeer, FakeSocket, fakeTrack, joinReply, person, settle, token, waitReply } from "./fakes";

class Memory implements SessionMemory {
  value: Remembered | null = null;
  load = (): Remembered | null => this.value;
  save = (value: Remembered): void => void (this.value = value);
  clear = (): void => void (this.value = null);
}

let sockets: FakeSocket[];
let peers: FakePeer[];
let memory: Memory;
let media: LocalMedia;
let client: MeetingClient;

const socket = (): FakeSocket => sockets.at(-1)!;
const peer = (): FakePeer => peers.at(-1)!;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("navigator", {});
  vi.stubGlobal("addEventListener", vi.fn());
  vi.stubGlobal("removeEventListener", vi.fn());
  sockets = [];
  peers = [];
  memory = new Memory();
  media = new LocalMedia((source) => Promise.resolve(fakeTrack(source)));
  client = makeClient();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function makeClient(freshToken?: () => Promise<string>): MeetingClient {
  return new MeetingClient({
    freshToken,
    media,
    memory,
    openSocket: (_url, handlers) => {
      sockets.push(new FakeSocket(handlers));
      return socket();
    },
    createPeer: (_options, handlers) => {
      peers.push(new FakePeer(handlers));
      return peer() as unknown as Peer;
    },
  });
}

async function join(reply = joinReply()): Promise<void> {
  client.connect("https://front", "token");
  socket().handlers.opened();
  await socket().last("join").ok(reply);
  peer().handlers.ice("connected");
  await settle();
}

/** The socket breaks, the machine's pause passes, a new one opens. */
async function reopen(): Promise<void> {
  socket().handlers.lost();
  await vi.advanceTimersByTimeAsync(300);
  socket().handlers.opened();
  await settle();
}

describe("joining", () => {
  it("offers once, says what is active and shows who is there", async () => {
    await media.set("microphone", true);
    await join(joinReply({ participants: [person("me"), person("karin")] }));
    expect(socket().last("join").payload).toEqual({
      protocol: 1,
      token: "token",
      offer: "offer",
      tracks: { "0": "microphone", "1": "camera", "2": "screen" },
      active: { microphone: true, camera: false, screen: false },
      resume_token: null,
    });
    expect(peer().answers).toEqual(["answer"]);
    expect(peer().sending.microphone).toBe(media.sources.microphone.track);
    const { state, roomName, selfId, participants } = client.snapshot;
    expect({ state, roomName, selfId }).toEqual({ state: "connected", roomName: "A room", selfId: "me" });
    expect(participants.map((one) => [one.participant_id, one.isSelf])).toEqual([["me", true], ["karin", false]]);
  });

  it("ends with the server's code, and lets go of camera and microphone", async () => {
    await media.set("camera", true);
    const track = media.sources.camera.track!;
    client.connect("https://front", "token");
    socket().handlers.opened();
    await socket().last("join").fail("room_full");
    expect(client.snapshot).toMatchObject({ state: "closed", endCode: "room_full" });
    expect(track.readyState).toBe("ended");
    expect(socket().closed).toBe(true);
  });

  it("keeps what the server says before the reply until the reply is there", async () => {
    client.connect("https://front", "token");
    socket().handlers.opened();
    await socket().tell("slots", { slots: [{ mid: "4", participant_id: "karin", source: "camera" }], slots_version: 1 });
    await socket().last("join").ok(joinReply({ participants: [person("me"), person("karin")] }));
    expect(client.snapshot.participants[1]!.tracks.camera).toBeDefined();
  });
});

describe("people and slots", () => {
  it("follows who comes, changes, speaks and leaves", async () => {
    await join();
    const heard: string[] = [];
    client.on("participant_joined", (one) => heard.push(`+${one.participant_id}`));
    client.on("participant_left", ({ participant, reason }) => heard.push(`-${participant.participant_id} ${reason}`));
    client.on("participant_changed", ({ before, now }) => heard.push(`${before.state} -> ${now.state}`));
    await socket().tell("participant_joined", { participant: person("karin") });
    await socket().tell("slots", { slots: [{ mid: "3", participant_id: "karin", source: "microphone" }], slots_version: 1 });
    await socket().tell("speakers", { participant_ids: ["karin"] });
    expect(client.snapshot.participants[1]).toMatchObject({ speaking: true, tracks: { microphone: { kind: "audio" } } });
    await socket().tell("participant_changed", { participant: person("karin", { state: "lost" }) });
    await socket().tell("participant_left", { participant_id: "karin", reason: "lost" });
    expect(heard).toEqual(["+karin", "connected -> lost", "-karin lost"]);
    expect(client.snapshot.speakers).toEqual([]);
  });
});

describe("sources", () => {
  it("mutes at once and tells the server without an offer", async () => {
    await media.set("microphone", true);
    await join(joinReply({ participants: [person("me", { sources: { microphone: true, camera: false, screen: false } })] }));
    await media.set("microphone", false);
    expect(media.sources.microphone.track!.enabled).toBe(false);
    expect(socket().names()).toEqual(["join", "set_source"]);
    expect(socket().last("set_source").payload).toEqual({ source: "microphone", active: false });
  });

  it("sends a camera that is turned on later by replacing the track", async () => {
    await join();
    await media.set("camera", true);
    expect(peer().sending.camera).toBe(media.sources.camera.track);
    expect(peers).toHaveLength(1);
    await media.set("camera", false);
    expect(peer().sending.camera).toBeNull();
  });

  it("tells the server after a resume what was muted meanwhile", async () => {
    await media.set("microphone", true);
    const self = person("me", { sources: { microphone: true, camera: false, screen: false } });
    await join(joinReply({ participants: [self] }));
    socket().handlers.lost();
    await media.set("microphone", false);
    await vi.advanceTimersByTimeAsync(300);
    socket().handlers.opened();
    await socket().last("resume").ok({ participants: [self], slots: [], slots_version: 0 });
    expect(socket().last("set_source").payload).toEqual({ source: "microphone", active: false });
  });
});

describe("coming back", () => {
  it("resumes on a new socket with the same peer connection", async () => {
    await join();
    await reopen();
    expect(socket().last("resume").payload).toEqual({
      protocol: 1,
      token: "token",
      participant_id: "me",
      resume_token: "right",
    });
    expect(client.snapshot.state).toBe("reconnecting");
    await socket().last("resume").ok({ participants: [person("me")], slots: [], slots_version: 0 });
    expect(client.snapshot.state).toBe("connected");
    expect(peers).toHaveLength(1);
  });

  it("joins with a new peer connection when the worker is gone, still muted", async () => {
    await media.set("microphone", true);
    await join();
    await media.set("microphone", false);
    await socket().tell("reconnect", { reason: "worker_lost" });
    expect(peers).toHaveLength(2);
    expect(peers[0]!.closed).toBe(true);
    expect(socket().last("join").payload).toMatchObject({ resume_token: "right", active: { microphone: false } });
    await socket().last("join").ok(joinReply({ resume_token: "next" }));
    expect(memory.value).toEqual({ resumeToken: "next", waiting: false, active: { microphone: false, camera: false } });
    expect(client.snapshot.state).toBe("connected");
  });

  it("ignores what an old peer connection still says", async () => {
    await join();
    await socket().tell("reconnect", { reason: "transport_failed" });
    await socket().last("join").ok();
    peers[0]!.handlers.ice("failed");
    expect(socket().names()).not.toContain("negotiate");
  });

  it("restarts ICE with a new offer when the media path fails", async () => {
    await join();
    peer().handlers.ice("failed");
    await settle();
    await socket().last("negotiate").ok({ answer: "second answer", slots: [], slots_version: 1 });
    expect(peer().answers).toEqual(["answer", "second answer"]);
  });

  it("takes the same place after a reload of the page", async () => {
    await join();
    client = makeClient();
    client.connect("https://front", "token");
    socket().handlers.opened();
    expect(socket().last("join").payload).toMatchObject({ resume_token: "right" });
  });
});

describe("the end", () => {
  it("says goodbye, and forgets the place", async () => {
    await join();
    client.leave();
    expect(client.snapshot).toMatchObject({ state: "closed", endCode: "left" });
    await socket().last("leave").ok();
    expect(socket().closed).toBe(true);
    expect(memory.value).toBeNull();
    expect(peer().closed).toBe(true);
  });

  it("does not wait long for an answer to the goodbye", async () => {
    await join();
    client.leave();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(socket().closed).toBe(true);
  });

  it("does not come back when the server closes", async () => {
    await join();
    await socket().tell("closed", { code: "removed", message: "removed" });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(client.snapshot).toMatchObject({ state: "closed", endCode: "removed" });
    expect(sockets).toHaveLength(1);
  });
});

describe("the waiting room", () => {
  const unadmitted = token({ admitted: false });
  const admitted = token({ admitted: true });

  async function wait(reply = waitReply()): Promise<void> {
    client.connect("https://front", unadmitted);
    socket().handlers.opened();
    await socket().last("wait").ok(reply);
  }

  it("shows one's place, without offering anything, until a host admits", async () => {
    await wait();
    expect(client.snapshot.place).toEqual({
      position: 2,
      people_before: 1,
      host_present: false,
      estimated_wait_s: null,
      title: "Visit",
      startsAt: null,
      phone: "08-1",
      reconnecting: false,
    });
    expect(peers).toEqual([]);
    await socket().tell("waiting_changed", { position: 1, people_before: 0, host_present: true, estimated_wait_s: 60 });
    expect(client.snapshot.place).toMatchObject({ position: 1, people_before: 0, host_present: true, estimated_wait_s: 60 });
    await socket().tell("admitted", { token: admitted, expires_at: 4_000_000_000 });
    expect(socket().last("join").payload).toMatchObject({ token: admitted, resume_token: null });
    await socket().last("join").ok(joinReply());
    expect(client.snapshot).toMatchObject({ state: "connected", place: null });
  });

  it("keeps one's place over a lost socket and a reload of the page", async () => {
    await wait();
    socket().handlers.lost();
    expect(client.snapshot.place).toMatchObject({ reconnecting: true });
    await vi.advanceTimersByTimeAsync(300);
    socket().handlers.opened();
    expect(socket().last("wait").payload).toMatchObject({ resume_token: "queue" });
    expect(memory.value).toMatchObject({ resumeToken: "queue", waiting: true });
    client = makeClient();
    client.connect("https://front", unadmitted);
    socket().handlers.opened();
    expect(socket().last("wait").payload).toMatchObject({ resume_token: "queue" });
  });

  it("is skipped by who was admitted before the page was loaded again", async () => {
    await wait(waitReply({ admitted_token: admitted }));
    expect(socket().last("join").payload).toMatchObject({ token: admitted });
  });

  it("ends when a host turns one away, and the place is forgotten", async () => {
    await wait();
    await socket().tell("closed", { code: "denied", message: "no" });
    expect(client.snapshot).toMatchObject({ state: "closed", endCode: "denied" });
    expect(memory.value).toBeNull();
  });
});

describe("a host", () => {
  const karl = { participant_id: "w1", display_name: "Karl", role: "guest", since: 1, state: "connected" } as const;

  it("sees who waits, admits and removes", async () => {
    await join(joinReply({ waiting: [karl] }));
    expect(client.snapshot.waiting).toEqual([karl]);
    const admitting = client.admit("w1");
    await socket().last("admit").ok();
    await admitting;
    expect(socket().last("admit").payload).toEqual({ participant_id: "w1" });
    await socket().tell("waiting", { people: [] });
    expect(client.snapshot.waiting).toEqual([]);
    const removing = client.remove("w2");
    await socket().last("remove").fail("unknown_participant");
    await expect(removing).rejects.toMatchObject({ code: "unknown_participant" });
  });
});

describe("tokens", () => {
  it("are renewed in the meeting, and the new one is used from then on", async () => {
    client.connect("https://front", token({ iat: 1_000, exp: 1_300 }));
    socket().handlers.opened();
    await socket().last("join").ok(joinReply());
    peer().handlers.ice("connected");
    await vi.advanceTimersByTimeAsync(200_000);
    await socket().last("renew").ok({ token: "renewed", expires_at: 1_600 });
    await reopen();
    expect(socket().last("resume").payload).toMatchObject({ token: "renewed" });
  });

  it("that have expired are replaced once by a fresh one", async () => {
    const fresh = vi.fn(() => Promise.resolve("fresh"));
    client = makeClient(fresh);
    client.connect("https://front", "stale");
    socket().handlers.opened();
    await socket().last("join").fail("token_expired");
    expect(socket().last("join").payload).toMatchObject({ token: "fresh" });
    await socket().last("join").fail("token_expired");
    expect(fresh).toHaveBeenCalledOnce();
    expect(client.snapshot).toMatchObject({ state: "closed", endCode: "token_expired" });
  });
});

describe("TURN servers", () => {
  const servers = [{ urls: ["turn:relay.example"], username: "1:x", credential: "c" }];

  it("of the join's reply are tried where no direct path was found, by an ICE restart", async () => {
    client.connect("https://front", "token");
    socket().handlers.opened();
    await socket().last("join").ok(joinReply({ ice_servers: servers }));
    expect(peer().iceServers).toEqual(servers);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(socket().names()).toContain("negotiate");
  });

  it("are left alone where a direct path works", async () => {
    client.connect("https://front", "token");
    socket().handlers.opened();
    await socket().last("join").ok(joinReply({ ice_servers: servers }));
    Object.assign(peer().connection, { iceConnectionState: "connected" });
    peer().handlers.ice("connected");
    await vi.advanceTimersByTimeAsync(2_000);
    expect(socket().names()).not.toContain("negotiate");
  });
});
