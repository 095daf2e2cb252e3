import { describe, expect, it } from "vitest";
import { type ReceiveTrack, SlotTable } from "../src/slots";
import { fakeTrack } from "./fakes";

const received: ReceiveTrack[] = [
  { mid: "3", kind: "audio", track: fakeTrack("microphone") },
  { mid: "4", kind: "video", track: fakeTrack("camera") },
  { mid: "5", kind: "audio", track: fakeTrack("microphone") },
  { mid: "6", kind: "video", track: fakeTrack("screen") },
];
const slot = (mid: string, participant_id: string | null, source: "microphone" | "camera" | "screen" | null) => ({
  mid,
  participant_id,
  source,
});

describe("slot table", () => {
  it("gives each participant the tracks of their slots", () => {
    const table = new SlotTable();
    const slots = [slot("3", "a", "microphone"), slot("4", "a", "camera"), slot("5", null, null), slot("6", "b", "screen")];
    expect(table.apply({ slots, slots_version: 1 })).toBe(true);
    const tracks = table.tracks(received);
    expect(tracks.get("a")).toEqual({ microphone: received[0]!.track, camera: received[1]!.track });
    expect(tracks.get("b")).toEqual({ screen: received[3]!.track });
  });

  it("ignores a state older than the newest seen, until a new connection", () => {
    const table = new SlotTable();
    table.apply({ slots: [slot("4", "new", "camera")], slots_version: 7 });
    expect(table.apply({ slots: [slot("4", "old", "camera")], slots_version: 6 })).toBe(false);
    expect(table.owner("4")).toEqual({ participantId: "new", source: "camera" });
    table.reset();
    expect(table.owner("4")).toBeNull();
    expect(table.apply({ slots: [], slots_version: 0 })).toBe(true);
  });

  it("frees the slots of somebody who left", () => {
    const table = new SlotTable();
    table.apply({ slots: [slot("4", "a", "camera"), slot("6", "b", "camera")], slots_version: 1 });
    table.release("a");
    expect([...table.tracks(received).keys()]).toEqual(["b"]);
  });

  it("takes no sound for a picture, and no section it does not have", () => {
    const table = new SlotTable();
    table.apply({ slots: [slot("3", "a", "camera"), slot("99", "b", "camera")], slots_version: 1 });
    expect(table.tracks(received).size).toBe(0);
  });
});
