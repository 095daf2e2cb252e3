import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { booking, timeType } from "../../tests/fake_bookings";
import { bookable, byDay, divided, mayChange, nextFirst, plusDays } from "../src/bookings/logic";
import { stepOf } from "../src/bookings/step";
import { BOOKING_TEXTS, type BookingTextKey } from "../src/bookings/texts";
import { kronor, shortDay, whenText } from "../src/bookings/when";

const SOURCE = fileURLToPath(new URL("../src/bookings/", import.meta.url));
const NOW = Date.UTC(2026, 10, 23, 12, 20) / 1000;
const HOUR = 3600;
const holes = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!).sort();

describe("bookings", () => {
  it("are to come until they are over, cancelled ones never", () => {
    const list = [booking("late", NOW + 9 * HOUR), booking("soon", NOW + HOUR), booking("now", NOW - 60), booking("gone", NOW + HOUR, { state: "cancelled" }), booking("was", NOW - HOUR)];
    const { coming, past } = divided(list, NOW);
    expect(coming.map((one) => one.booking_id)).toEqual(["now", "soon", "late"]);
    expect(past.map((one) => one.booking_id)).toEqual(["gone", "was"]);
  });

  it("may be changed by patients as their time type says, to the second", () => {
    const one = booking("b", NOW + 24 * HOUR);
    expect(mayChange(one, timeType("t"), "cancel", NOW)).toBe("yes");
    expect(mayChange(one, timeType("t"), "cancel", NOW + 1)).toBe("late");
    expect(mayChange(one, timeType("t", { cancel_before_h: null }), "cancel", NOW + 1)).toBe("yes");
    expect(mayChange(one, timeType("t", { patient_may_rebook: false }), "rebook", NOW)).toBe("unit");
    expect(mayChange(one, timeType("t", { patient_may_rebook: false }), "cancel", NOW)).toBe("yes");
    expect(mayChange(one, undefined, "cancel", NOW)).toBe("yes");
    expect(mayChange({ ...one, state: "arrived" }, timeType("t"), "cancel", NOW)).toBe("unit");
  });
});

describe("what can be booked", () => {
  it("is public, the patient's to book, and valid some day", () => {
    const types = [timeType("a"), timeType("b", { audience: "invited" }), timeType("c", { patient_may_book: false }), timeType("d", { valid_until: "2026-11-22" }), timeType("e", { valid_until: "2026-11-23" })];
    expect(bookable(types, NOW).map((one) => one.time_type_id)).toEqual(["a", "e"]);
  });

  it("is grouped by Swedish days, each time once", () => {
    // 23:30 UTC is the next day in Sweden.
    const slot = (id: string, starts_at: string) => ({ slot_id: id, unit_hsa_id: "u", time_type_id: "t", starts_at, ends_at: starts_at });
    const slots = [slot("2", "2026-11-23T23:30:00Z"), slot("1", "2026-11-23T09:00:00Z"), slot("2", "2026-11-23T23:30:00Z")];
    expect(byDay(slots).map((one) => [one.day, one.slots.map(({ slot_id }) => slot_id)])).toEqual([["2026-11-23", ["1"]], ["2026-11-24", ["2"]]]);
    expect(nextFirst(slots.slice(0, 1), "2026-11-30", 1)).toBe("2026-11-24");
    expect(nextFirst(slots, "2026-11-30", 500)).toBe("2026-12-01");
    expect(plusDays("2026-12-31", 1)).toBe("2027-01-01");
  });
});

describe("the page", () => {
  it("finds its part in the address, and the list in whatever else stands there", () => {
    expect(stepOf("#new")).toEqual({ at: "new" });
    expect(stepOf("#move=bk-1")).toEqual({ at: "move", bookingId: "bk-1" });
    expect([stepOf(""), stepOf("#lang=en"), stepOf("#move=../x")]).toEqual([{ at: "list" }, { at: "list" }, { at: "list" }]);
  });

  it("says when, and how much", () => {
    expect(whenText("sv", NOW, NOW)).toBe("i dag 13:20");
    expect(whenText("sv", NOW + 72 * HOUR, NOW)).toBe("torsdag 26 november 13:20");
    expect(whenText("en", NOW + 24 * HOUR, NOW)).toBe("tomorrow 13:20");
    expect([shortDay("sv", NOW), shortDay("en", NOW)]).toEqual(["mån\n23 nov.", "Mon\n23 Nov"]);
    expect([kronor("sv", 40_000), kronor("sv", 10_050)]).toEqual(["400", "100,50"]);
  });

  it("has all texts in every language, and uses them", () => {
    const keys = Object.keys(BOOKING_TEXTS.sv) as BookingTextKey[];
    const { sv, en } = BOOKING_TEXTS;
    expect(Object.keys(en)).toEqual(keys);
    for (const key of keys) expect(holes(en[key]), key).toEqual(holes(sv[key]));
    const code = readdirSync(SOURCE).filter((name) => /\.tsx?$/.test(name)).map((name) => readFileSync(SOURCE + name, "utf8")).join();
    const made = /^(code|modality|state|when)_\w+$/;
    expect(keys.filter((key) => !made.test(key) && !code.includes(`"${key}"`))).toEqual([]);
  });
});
