import { describe, expect, it } from "vitest";
import { Roster } from "../src/roster";
import { person } from "./fakes";

describe("roster", () => {
  it("keeps the order in which people came, through a new list", () => {
    const roster = new Roster();
    roster.replace([person("a"), person("b"), person("me")], "me");
    roster.replace([person("c"), person("me"), person("b")]);
    expect(roster.all().map((one) => one.participant_id)).toEqual(["b", "me", "c"]);
    expect(roster.selfId).toBe("me");
  });

  it("counts nobody as speaking who is not there", () => {
    const roster = new Roster();
    roster.replace([person("a"), person("b")], "a");
    roster.setSpeakers(["b", "ghost"]);
    expect(roster.speakers).toEqual(["b"]);
    expect(roster.isSpeaking("b")).toBe(true);
    expect(roster.remove("b")?.participant_id).toBe("b");
    expect(roster.remove("b")).toBeUndefined();
    expect(roster.speakers).toEqual([]);
  });
});
