import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MeetingError } from "../src/errors";
import type { SetSource, Sources } from "../src/protocol";
import { SourceSync } from "../src/source_sync";
import { settle } from "./fakes";

let wanted: Sources;
let sent: (SetSource & { ok: () => Promise<void>; fail: (code: "rate_limited" | "invalid_message") => Promise<void> })[];
let sync: SourceSync;
const off: Sources = { microphone: false, camera: false, screen: false };

beforeEach(() => {
  vi.useFakeTimers();
  wanted = { ...off };
  sent = [];
  sync = new SourceSync(
    (message) =>
      new Promise((resolve, reject) =>
        sent.push({
          ...message,
          ok: () => (resolve({}), settle()),
          fail: (code) => (reject(new MeetingError(code, code)), settle()),
        }),
      ),
    () => wanted,
  );
});
afterEach(() => vi.useRealTimers());

describe("source sync", () => {
  it("tells only what differs from what the server knows", () => {
    wanted.camera = true;
    sync.start({ ...off, microphone: true });
    expect(sent.map(({ source, active }) => [source, active])).toEqual([["microphone", false], ["camera", true]]);
  });

  it("has one message on its way per source and ends with the newest wish", async () => {
    sync.start(off);
    for (const active of [true, false, true, false]) {
      wanted.microphone = active;
      sync.update("microphone");
    }
    expect(sent).toHaveLength(1);
    await sent[0]!.ok();
    expect(sent[1]).toMatchObject({ source: "microphone", active: false });
    await sent[1]!.ok();
    expect(sent).toHaveLength(2);
  });

  it("tries again a second after a passing refusal", async () => {
    sync.start(off);
    wanted.camera = true;
    sync.update("camera");
    await sent[0]!.fail("rate_limited");
    expect(sent).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(sent).toHaveLength(2);
  });

  it("does not repeat what the server will never take", async () => {
    sync.start(off);
    wanted.camera = true;
    sync.update("camera");
    await sent[0]!.fail("invalid_message");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(sent).toHaveLength(1);
  });

  it("is silent while the server cannot be reached, and forgets what was on its way", async () => {
    sync.start(off);
    wanted.camera = true;
    sync.update("camera");
    sync.stop();
    wanted.microphone = true;
    sync.update("microphone");
    expect(sent).toHaveLength(1);
    sync.start({ ...off, camera: true });
    await sent[0]!.ok();
    expect(sent.map(({ source }) => source)).toEqual(["camera", "microphone"]);
  });
});
