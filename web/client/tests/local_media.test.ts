import { beforeEach, describe, expect, it } from "vitest";
import { CaptureError, type CaptureProblem } from "../src/capture";
import { LocalMedia } from "../src/local_media";
import { type FakeTrack, fakeTrack, settle } from "./fakes";

/** Hands out tracks when told to. */
let asked: { source: string; deviceId: string | null; give: () => FakeTrack; refuse: (why: CaptureProblem) => void }[];
let media: LocalMedia;

beforeEach(() => {
  asked = [];
  media = new LocalMedia(
    (source, deviceId) =>
      new Promise((resolve, reject) => {
        const track = fakeTrack(source);
        asked.push({
          source,
          deviceId,
          give: () => (resolve(track), track),
          refuse: (problem) => reject(new CaptureError(problem, problem)),
        });
      }),
    () => Promise.reject(new CaptureError("failed", "not both at once")),
  );
});

describe("a source", () => {
  it("is active only once its track is there", async () => {
    void media.set("camera", true);
    expect(media.sources.camera).toMatchObject({ active: true, busy: true });
    expect(media.active().camera).toBe(false);
    asked[0]!.give();
    await settle();
    expect(media.active().camera).toBe(true);
    expect(media.sources.camera).toMatchObject({ busy: false, deviceId: "device" });
  });

  it("keeps the microphone open when muted but puts the camera's light out", async () => {
    void media.set("microphone", true);
    void media.set("camera", true);
    const [microphone, camera] = asked.map((one) => one.give());
    await settle();
    await media.set("microphone", false);
    await media.set("camera", false);
    expect(microphone).toMatchObject({ readyState: "live", enabled: false });
    expect(camera).toMatchObject({ readyState: "ended" });
    await media.set("microphone", true);
    expect(microphone!.enabled).toBe(true);
    expect(asked).toHaveLength(2);
  });

  it("throws a track away that comes after the person changed their mind", async () => {
    void media.set("camera", true);
    await media.set("camera", false);
    const track = asked[0]!.give();
    await settle();
    expect(track.readyState).toBe("ended");
    expect(media.sources.camera).toMatchObject({ active: false, track: null, busy: false });
  });

  it("says why it could not be opened, and forgets that on the next try", async () => {
    void media.set("microphone", true);
    asked[0]!.refuse("denied");
    await settle();
    expect(media.sources.microphone).toMatchObject({ active: false, problem: "denied" });
    void media.set("microphone", true);
    expect(media.sources.microphone.problem).toBeNull();
  });

  it("is off when its device is unplugged", async () => {
    void media.set("camera", true);
    const track = asked[0]!.give();
    await settle();
    track.unplug();
    expect(media.sources.camera).toMatchObject({ active: false, track: null, problem: "not_found" });
  });

  it("counts a closed screen chooser as a change of mind", async () => {
    void media.set("screen", true);
    expect(media.sources.screen.active).toBe(false);
    asked[0]!.refuse("denied");
    await settle();
    expect(media.sources.screen).toMatchObject({ active: false, problem: null });
  });
});

describe("choosing a device", () => {
  it("switches an open source at once and stays muted when muted", async () => {
    void media.set("microphone", true);
    const first = asked[0]!.give();
    await settle();
    const chosen = media.choose("microphone", "headset");
    expect(first.readyState).toBe("ended");
    expect(asked[1]).toMatchObject({ source: "microphone", deviceId: "headset" });
    asked[1]!.give();
    await chosen;
    await media.set("microphone", false);
    await media.choose("microphone", "table");
    expect(media.sources.microphone).toMatchObject({ active: false, track: null });
  });

  it("waits with a source that is off", async () => {
    await media.choose("camera", "back");
    expect(asked).toHaveLength(0);
    void media.set("camera", true);
    expect(asked[0]).toMatchObject({ deviceId: "back" });
  });
});

describe("starting with both", () => {
  it("asks once when that works", async () => {
    const both = { microphone: fakeTrack("microphone"), camera: fakeTrack("camera") };
    media = new LocalMedia(
      () => Promise.reject(new Error("not needed")),
      () => Promise.resolve(both),
    );
    await media.start();
    expect(media.active()).toEqual({ microphone: true, camera: true, screen: false });
  });

  it("asks for each alone when together fails, so that one can work without the other", async () => {
    void media.start();
    await settle();
    asked[0]!.give();
    await settle();
    asked[1]!.refuse("not_found");
    await settle();
    expect(media.active()).toEqual({ microphone: true, camera: false, screen: false });
    expect(media.sources.camera.problem).toBe("not_found");
  });
});
