import { describe, expect, it } from "vitest";
import { ApiError, type MeetingSummary } from "../src/api";
import { nameFault } from "../src/guest/name";
import { firstName, upcoming } from "../src/home/MyMeetings";
import { loginAddress } from "../src/login";
import { asMeetingError, freshToken } from "../src/meeting/fresh_token";
import { byDay } from "../src/portal/UnitMeetings";

const NOW = Date.parse("2026-11-23T12:20:00Z") / 1000;
const meeting = (meeting_id: string, starts_at: number): MeetingSummary =>
  ({ meeting_id, starts_at, ends_at: starts_at + 1800, closes_at: starts_at + 9000 }) as MeetingSummary;
const ids = (meetings: MeetingSummary[]): string[] => meetings.map((one) => one.meeting_id);

describe("meetings", () => {
  it("that one can still come to are shown, the nearest first", () => {
    const all = [meeting("later", NOW + 9000), meeting("late", NOW - 1800), meeting("over", NOW - 9000), meeting("now", NOW - 600)];
    expect(ids(upcoming(all, NOW))).toEqual(["now", "later", "late"]);
  });

  it("of a unit are grouped by the Swedish day", () => {
    const evening = Date.parse("2026-11-23T22:30:00Z") / 1000;
    const days = byDay([meeting("c", evening + 3600), meeting("b", evening), meeting("a", NOW)], "sv", NOW);
    expect(days.map(({ day, meetings }) => [day, ids(meetings)])).toEqual([
      ["Måndag 23 november", ["a", "b"]],
      ["Tisdag 24 november", ["c"]],
    ]);
  });
});

describe("names", () => {
  it("of guests must be there, plain and not too long", () => {
    expect(nameFault("  ")?.key).toBe("guest_name_missing");
    expect(nameFault("Åsa Öberg")).toBeNull();
    expect(nameFault("<b>Bo</b>")?.key).toBe("guest_name_signs");
    expect(nameFault("é".repeat(128))).toBeNull();
    expect(nameFault("é".repeat(129))?.key).toBe("guest_name_long");
  });

  it("are greeted by their first word", () => {
    expect([firstName(" Karl-Gustav  Andersson "), firstName("")]).toEqual(["Karl-Gustav", ""]);
  });
});

describe("the login", () => {
  it("knows the way back, whatever the path holds", () => {
    expect(loginAddress("staff", "/meeting/a&b#c")).toBe("/login/staff?return_to=%2Fmeeting%2Fa%26b%23c");
  });
});

describe("a token asked for again", () => {
  it("ends the meeting with the reason it is refused for, and is asked for again when nobody answers", async () => {
    const codes = [
      new ApiError("not_logged_in", 401),
      new ApiError("removed", 403),
      new ApiError("meeting_over", 410),
      new ApiError("not_found", 404),
      new ApiError("unavailable", 503),
      new ApiError("unreachable", 0),
    ].map((error) => asMeetingError(error).code);
    expect(codes).toEqual(["revoked", "removed", "unknown_room", "forbidden", "request_timeout", "request_timeout"]);
    await expect(freshToken(() => Promise.reject(new TypeError("a fault of ours")))).rejects.toMatchObject({ code: "request_timeout" });
  });
});
