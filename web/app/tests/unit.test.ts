import { describe, expect, it } from "vitest";
import { periodsOf, periodsText } from "../src/unit/settings";

describe("a day's opening hours, as people write them", () => {
  it.each([
    ["", []],
    ["8-12, 13.00–17", [{ opens: "08:00", closes: "12:00" }, { opens: "13:00", closes: "17:00" }]],
    ["07:30 - 24:00", [{ opens: "07:30", closes: "24:00" }]],
  ])("%j is understood, and shown so that it is understood again", (written, periods) => {
    expect(periodsOf(written)).toEqual(periods);
    expect(periodsOf(periodsText(periods))).toEqual(periods);
  });

  it.each(["öppet", "8", "8-", "12-8", "8-8", "8-12, 11-13", "25-26", "8:60-9", "24:30-24:40"])("%j is not", (written) => expect(periodsOf(written)).toBeNull());
});
