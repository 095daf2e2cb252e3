import { describe, expect, it } from "vitest";
import type { ParticipantView } from "@alltid-oppet/client";
import { arrange } from "../src/layout/arrange";
import { capacity, gridFor } from "../src/layout/grid";

const DESKTOP = { width: 1256, height: 660 };
const PHONE = { width: 374, height: 660 };
const person = (id: string, change: Partial<ParticipantView> = {}): ParticipantView => ({
  participant_id: id,
  display_name: id,
  role: "participant",
  state: "connected",
  sources: { microphone: true, camera: true, screen: false },
  isSelf: id === "me",
  speaking: false,
  quality: "good",
  tracks: {},
  ...change,
});
const people = (count: number): ParticipantView[] => Array.from({ length: count }, (_, index) => person(`p${index}`));
const ids = (views: ParticipantView[]): string[] => views.map((view) => view.participant_id);

describe("grid", () => {
  it("puts people side by side on a desktop and below each other on a phone", () => {
    expect(gridFor(2, DESKTOP, 8).columns).toBe(2);
    expect(gridFor(2, PHONE, 8).columns).toBe(1);
    expect(gridFor(9, DESKTOP, 8)).toMatchObject({ columns: 3, rows: 3 });
    expect(gridFor(9, PHONE, 8).columns).toBe(2);
  });

  it("always fits into its area and keeps tiles between 3:4 and 16:9", () => {
    for (let count = 1; count <= 25; count += 1) {
      for (const area of [DESKTOP, PHONE, { width: 304, height: 420 }, { width: 700, height: 200 }]) {
        const { columns, rows, tile } = gridFor(count, area, 8);
        expect(columns * rows).toBeGreaterThanOrEqual(count);
        expect(columns * tile.width + (columns - 1) * 8).toBeLessThanOrEqual(area.width);
        expect(rows * tile.height + (rows - 1) * 8).toBeLessThanOrEqual(area.height);
        expect(tile.width / tile.height).toBeGreaterThan(0.73);
        expect(tile.width / tile.height).toBeLessThan(1.81);
      }
    }
  });

  it("survives an area of no size", () => {
    expect(gridFor(3, { width: 0, height: 0 }, 8).tile).toEqual({ width: 0, height: 0 });
    expect(capacity({ width: 0, height: 0 }, 8)).toBe(2);
    expect(capacity({ width: 10_000, height: 10_000 }, 8)).toBe(25);
  });
});

describe("arrangement", () => {
  it("puts oneself into the corner in a conversation of two, and into the grid otherwise", () => {
    const me = person("me");
    expect(arrange([me], 9)).toMatchObject({ corner: null, hidden: 0, tiles: [me] });
    expect(arrange([me, person("a")], 9)).toMatchObject({ corner: me });
    const three = arrange([me, person("a"), person("b")], 9);
    expect(ids(three.tiles)).toEqual(["a", "b", "me"]);
    expect(three.corner).toBeNull();
  });

  it("shows another's shared screen, never one's own", () => {
    const screen = {} as MediaStreamTrack;
    const sharing = { sources: { microphone: true, camera: true, screen: true }, tracks: { screen } };
    expect(arrange([person("me", sharing), person("a")], 9).screen).toBeNull();
    const shown = arrange([person("me"), person("a", sharing)], 9);
    expect(shown.screen?.participant_id).toBe("a");
    expect(ids(shown.tiles)).toEqual(["a", "me"]);
  });

  it("keeps speakers, the seen and oneself in the picture when there are too many", () => {
    const crowd = people(30);
    crowd[20] = person("speaker", { speaking: true });
    crowd[25] = person("seen", { tracks: { camera: {} as MediaStreamTrack } });
    const { tiles, hidden } = arrange([person("me"), ...crowd], 5);
    expect(ids(tiles)).toEqual(["p0", "speaker", "seen", "me"]);
    expect(hidden).toBe(27);
  });
});
