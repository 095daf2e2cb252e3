import { describe, expect, it } from "vitest";
import { clock, day, longDay, minutesUntil, nearDay, timeRange } from "../src/i18n/time";

const at = (iso: string): number => Date.parse(iso) / 1000;

describe("times", () => {
  it("are those of clocks in Sweden, summer and winter", () => {
    expect(clock("sv", at("2026-11-23T12:20:00Z"))).toBe("13:20");
    expect(clock("en", at("2026-07-23T12:20:00Z"))).toBe("14:20");
    expect(timeRange("sv", at("2026-11-23T22:45:00Z"), at("2026-11-23T23:15:00Z"))).toBe("23:45–00:15");
  });

  it("know today and tomorrow by the Swedish calendar, also when the clock changes", () => {
    expect(nearDay(at("2026-11-23T22:59:00Z"), at("2026-11-23T12:00:00Z"))).toBe("today");
    expect(nearDay(at("2026-11-23T23:01:00Z"), at("2026-11-23T12:00:00Z"))).toBe("tomorrow");
    // The night to 25 October 2026 has 25 hours: 24 hours after 00:30 it is still the same day.
    expect(nearDay(at("2026-10-25T22:30:00Z"), at("2026-10-24T22:30:00Z"))).toBe("today");
    expect(nearDay(at("2026-10-25T23:30:00Z"), at("2026-10-24T22:30:00Z"))).toBe("tomorrow");
    expect(nearDay(at("2026-12-31T23:30:00Z"), at("2026-12-31T12:00:00Z"))).toBe("tomorrow");
    expect(nearDay(at("2026-11-26T12:00:00Z"), at("2026-11-23T12:00:00Z"))).toBeNull();
  });

  it("name the day in the person's language, with the year where it is another one", () => {
    const now = at("2026-11-23T12:00:00Z");
    expect(longDay("sv", now, now)).toBe("Måndag 23 november");
    expect(longDay("en", now, now)).toMatch(/^Monday,? 23 November$/);
    expect(longDay("sv", at("2027-01-04T12:00:00Z"), now)).toBe("Måndag 4 januari 2027");
    expect(day(at("2026-12-31T23:30:00Z"))).toBe("2027-01-01");
  });

  it("count whole minutes up, never below none", () => {
    expect([minutesUntil(100, 200), minutesUntil(201, 200), minutesUntil(320, 200)]).toEqual([0, 1, 2]);
  });
});
