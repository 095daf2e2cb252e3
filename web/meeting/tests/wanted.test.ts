import type { ParticipantView } from "@alltid-oppet/client";
import { describe, expect, it } from "vitest";
import { arrange } from "../src/layout/arrange";
import { qualityFor, wantedSources } from "../src/layout/wanted";

function person(id: string, change: Partial<ParticipantView> = {}): ParticipantView {
  return {
    participant_id: id,
    display_name: id,
    role: "participant",
    state: "connected",
    sources: { microphone: true, camera: true, screen: false },
    isSelf: false,
    speaking: false,
    quality: "good",
    tracks: {},
    ...change,
  };
}

const me = person("me", { isSelf: true });
const ids = (wanted: { participant_id: string }[]): string[] => wanted.map((one) => one.participant_id);

describe("what is asked for", () => {
  it("grows with the width of the picture in pixels of the screen", () => {
    expect([112, 359, 360, 719, 720, 2560].map(qualityFor)).toEqual(["low", "low", "medium", "medium", "high", "high"]);
  });

  it("is everybody on the screen but oneself, those who speak first", () => {
    const people = [me, person("a"), person("b", { speaking: true }), person("c")];
    expect(wantedSources(arrange(people, 9), 400)).toEqual([
      { participant_id: "b", source: "camera", quality: "medium" },
      { participant_id: "a", source: "camera", quality: "medium" },
      { participant_id: "c", source: "camera", quality: "medium" },
    ]);
  });

  it("is nobody who has no place on the screen", () => {
    const people = [me, ...Array.from({ length: 9 }, (_, index) => person(`p${index}`))];
    const arrangement = arrange(people, 4);
    expect(ids(wantedSources(arrangement, 200))).toEqual(["p0", "p1"]);
    expect(arrangement.hidden).toBe(7);
  });

  it("begins with a shared screen, sharp whatever the size", () => {
    const shared = person("a", {
      sources: { microphone: true, camera: true, screen: true },
      tracks: { screen: {} as MediaStreamTrack },
    });
    expect(wantedSources(arrange([me, shared, person("b")], 9), 120)).toEqual([
      { participant_id: "a", source: "screen", quality: "high" },
      { participant_id: "a", source: "camera", quality: "low" },
      { participant_id: "b", source: "camera", quality: "low" },
    ]);
  });
});
