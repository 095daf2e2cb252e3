import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { caseApi } from "../src/cases/api";
import type { Api } from "../src/api";
import { emptyDraft, faults, keepDraft, loadDraft, unitKey } from "../src/cases/draft";
import { FILTERS, counts, inboxOrder, isIn, isLate, mayReopen, merged, patientOrder, unreadCount, withoutUnread } from "../src/cases/logic";
import { addressOf, isPlainClick, parsePlace } from "../src/cases/route";
import { CASE_TEXTS, type CaseTextKey, codeText } from "../src/cases/texts";
import type { Case, CasePage, CaseState, Unit } from "../src/cases/types";
import { offeredUnits } from "../src/cases/UnitChoice";
import { whenText } from "../src/cases/when";
import { receiverOf } from "../src/inbox/dialogs";

const NOW = Date.parse("2026-11-23T12:20:00Z") / 1000;
const ID = `case-${"a".repeat(26)}`;

function one(case_id: string, change: Partial<Case> = {}): Case {
  return { case_id, state: "new", version: 1, changed_at: NOW, answer_by: null, reopen_until: null, is_unread: false, is_mine: false, ...change } as Case;
}
const ids = (cases: readonly Case[]): string[] => cases.map(({ case_id }) => case_id);

describe("the parts of an inbox", () => {
  const all = (["new", "reopened", "assigned", "awaiting_staff", "awaiting_patient", "closed"] as CaseState[]).map((state) => one(state, { state, is_mine: state === "assigned" }));
  const inPart = (filter: (typeof FILTERS)[number]): string[] => ids(all.filter((other) => isIn(filter, other, NOW)));

  it("hold each open case once in new, awaiting us or awaiting the patient", () => {
    const parts = [...inPart("new"), ...inPart("staff"), ...inPart("patient")];
    expect(parts.sort()).toEqual(inPart("open").sort());
    expect(new Set(parts).size).toBe(parts.length);
    expect(inPart("closed")).toEqual(["closed"]);
    expect(inPart("mine")).toEqual(["assigned"]);
  });

  it("know who is overdue: to the second, and never a closed one", () => {
    expect([NOW - 1, NOW, NOW + 1, null].map((answer_by) => isLate(one("x", { answer_by }), NOW))).toEqual([true, false, false, false]);
    expect(isLate(one("x", { answer_by: NOW - 1, state: "closed" }), NOW)).toBe(false);
    expect(counts([one("a", { answer_by: NOW - 5 }), ...all], NOW)).toEqual({ open: 6, new: 3, mine: 1, staff: 2, late: 1, patient: 1, closed: 1 });
  });

  it("begin with the answer that is promised first, then the longest waiting; closed ones come last, newest first", () => {
    const cases = [
      one("old closed", { state: "closed", changed_at: NOW - 900 }),
      one("closed", { state: "closed" }),
      one("no promise", { changed_at: NOW }),
      one("no promise, older", { changed_at: NOW - 9 }),
      one("later", { answer_by: NOW + 9 }),
      one("late", { answer_by: NOW - 9 }),
    ];
    expect(ids(inboxOrder(cases))).toEqual(["late", "later", "no promise, older", "no promise", "closed", "old closed"]);
  });
});

describe("a patient's list", () => {
  it("begins with what is unread, then with what changed last", () => {
    const cases = [one("old", { changed_at: 1 }), one("new", { changed_at: 9 }), one("unread", { changed_at: 0, is_unread: true })];
    expect(ids(patientOrder(cases))).toEqual(["unread", "new", "old"]);
    expect([unreadCount(cases), unreadCount(withoutUnread(cases, "unread"))]).toEqual([1, 0]);
    expect(withoutUnread(cases, "old")).toEqual(cases);
  });
});

describe("one case that has changed", () => {
  const known = [one("a", { version: 3 }), one("b")];

  it("takes the place of the older one, comes to the list or goes from it", () => {
    expect(merged(known, "a", one("a", { version: 4 })).find(({ case_id }) => case_id === "a")!.version).toBe(4);
    expect(ids(merged(known, "c", one("c")))).toEqual(["a", "b", "c"]);
    expect(ids(merged(known, "a", null))).toEqual(["b"]);
    expect(merged(known, "z", null)).toEqual(known);
  });

  it("changes nothing when an answer that was overtaken comes late", () => {
    expect(merged(known, "a", one("a", { version: 2 }))).toEqual(known);
  });

  it("can be reopened up to the last second", () => {
    const closed = one("a", { state: "closed", reopen_until: NOW });
    expect([mayReopen(closed, NOW), mayReopen(closed, NOW + 1), mayReopen(one("b"), NOW)]).toEqual([true, false, false]);
  });
});

describe("addresses", () => {
  it("name the list, a new case and one case, and lead back to them", () => {
    for (const [base, path, place] of [
      ["/cases", "/cases", { at: "list" }],
      ["/cases", "/cases/new", { at: "new" }],
      ["/cases", `/cases/${ID}`, { at: "case", caseId: ID }],
      ["/portal/cases", `/portal/cases/${ID}`, { at: "case", caseId: ID }],
      ["/portal/cases", "/portal/cases", { at: "list" }],
      ["/portal/cases", "/portal/cases/new", { at: "new" }],
    ] as const) {
      expect(parsePlace(base, path)).toEqual(place);
      expect(addressOf(base, place)).toBe(path);
    }
  });

  it("that are none lead to the list", () => {
    for (const path of ["/cases/", "/cases/case-1", `/cases/${ID}x`, `/cases/${ID}/notes`, "/cases/../x"]) {
      expect(parsePlace(path.startsWith("/portal") ? "/portal/cases" : "/cases", path)).toEqual({ at: "list" });
    }
    expect(parsePlace("/cases", `/cases/${ID}/`)).toEqual({ at: "case", caseId: ID });
  });

  it("are opened by the page itself only on a plain press", () => {
    const press = (change: object): MouseEvent => ({ button: 0, defaultPrevented: false, metaKey: false, ctrlKey: false, shiftKey: false, altKey: false, ...change }) as MouseEvent;
    expect(isPlainClick(press({}))).toBe(true);
    for (const change of [{ button: 1 }, { ctrlKey: true }, { metaKey: true }, { shiftKey: true }, { altKey: true }]) expect(isPlainClick(press(change))).toBe(false);
  });
});

describe("a new case", () => {
  const store = (): Pick<Storage, "getItem" | "setItem" | "removeItem"> => {
    const kept = new Map<string, string>();
    return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value), removeItem: (key) => void kept.delete(key) };
  };

  it("needs a unit that is offered, a subject, and a text or a file", () => {
    expect(faults(emptyDraft(), 0, ["V U"])).toEqual(["unit", "subject", "text"]);
    expect(faults({ unit: "V U", subject: " x ", text: "  ", clientId: "c" }, 0, ["V U"])).toEqual(["text"]);
    expect(faults({ unit: "V U", subject: "x", text: "", clientId: "c" }, 1, ["V U"])).toEqual([]);
    expect(faults({ unit: "V gone", subject: "x", text: "y", clientId: "c" }, 0, ["V U"])).toEqual(["unit"]);
  });

  it("is kept for who writes it and for whom, with the id under which it is opened once", () => {
    const tab = store();
    const draft = { unit: "V U", subject: "Knee", text: "It hurts", clientId: "c1" };
    keepDraft(tab, "anna ", draft);
    expect(loadDraft(tab, "anna ")).toEqual(draft);
    expect(loadDraft(tab, "anna p-child").subject).toBe("");
    keepDraft(tab, "anna ", null);
    expect(loadDraft(tab, "anna ")).toMatchObject({ unit: "", subject: "", text: "" });
  });

  it("that was kept broken begins anew", () => {
    for (const kept of ["{", "[]", "null", '{"unit": 5}']) {
      expect(loadDraft({ ...store(), getItem: () => kept }, "x").unit).toBe("");
    }
    const forbidden = { getItem: () => { throw new Error("no"); }, setItem: () => { throw new Error("no"); }, removeItem: () => undefined };
    keepDraft(forbidden, "x", emptyDraft());
    expect(loadDraft(forbidden, "x").text).toBe("");
  });

  it("finds a unit by any of its words, and never loses the one that is chosen", () => {
    const units = ["Björkens vårdcentral", "Aspens vårdcentral", ...Array.from({ length: 20 }, (_, n) => `Enhet ${n}`)].map((name, n) => ({ name, provider_hsa_id: "V", unit_hsa_id: `U${n}` }) as Unit);
    expect(offeredUnits(units, "VÅRD björk", "").shown.map(({ name }) => name)).toEqual(["Björkens vårdcentral"]);
    expect(offeredUnits(units, "", "")).toMatchObject({ count: 22 });
    const { shown } = offeredUnits(units, "asp", unitKey(units[0]!));
    expect(shown.map(({ name }) => name)).toEqual(["Björkens vårdcentral", "Aspens vårdcentral"]);
  });
});

describe("lists", () => {
  it("are fetched to their end, by so many pages as anybody reads", async () => {
    const asked: string[] = [];
    const request = (_method: string, path: string): Promise<CasePage> => {
      asked.push(path);
      const offset = Number(new URLSearchParams(path.split("?")[1]).get("offset"));
      return Promise.resolve({ cases: [one(`c${offset}`)], next_offset: offset < 400 ? offset + 200 : null });
    };
    expect(ids(await caseApi({ request } as unknown as Api).list(true))).toEqual(["c0", "c200", "c400"]);
    expect(asked[1]).toBe("/api/cases?closed=1&offset=200");
    const endless = { request: (): Promise<CasePage> => Promise.resolve({ cases: [one("x")], next_offset: 1 }) };
    expect(await caseApi(endless as unknown as Api).list(false)).toHaveLength(5);
  });
});

describe("receivers of a case", () => {
  it("are a colleague, the queue or a unit", () => {
    expect(["", "colleague SE1-K1", "unit SE1-U2", "queue", "colleague"].map(receiverOf)).toEqual([
      null,
      { kind: "colleague", hsaId: "SE1-K1" },
      { kind: "unit", hsaId: "SE1-U2" },
      { kind: "queue" },
      null,
    ]);
  });
});

describe("the texts of cases", () => {
  const keys = Object.keys(CASE_TEXTS.sv) as CaseTextKey[];
  const holes = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!).sort();

  it("are there in every language, with the same blanks to fill in", () => {
    for (const catalogue of Object.values(CASE_TEXTS)) {
      expect(Object.keys(catalogue)).toEqual(keys);
      for (const key of keys) {
        expect(catalogue[key].trim(), key).not.toBe("");
        expect(holes(catalogue[key]), key).toEqual(holes(CASE_TEXTS.sv[key]));
      }
    }
  });

  it("are all used", () => {
    const source = fileURLToPath(new URL("../src/", import.meta.url));
    const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name) && !name.includes("texts"));
    const code = files.map((name) => readFileSync(source + name, "utf8")).join();
    // Keys made of a prefix and what comes from elsewhere.
    const made = /^(code|state|staff_state|filter|tab|when)_\w+$/;
    expect(keys.filter((key) => !made.test(key) && !code.includes(`"${key}"`))).toEqual([]);
  });

  it("say in both languages what every code of the cases', units' and files' routes means", () => {
    const document = readFileSync(fileURLToPath(new URL("../../../signalling/http_errors.py", import.meta.url)), "utf8");
    const codes = [...document.split("HTTP_ERRORS")[0]!.matchAll(/^    "(\w+)",$/gm)].map((match) => match[1]!);
    expect(codes.length).toBeGreaterThan(30);
    // Codes of meetings, links, WHIP and notices, which no route of these pages answers with.
    const elsewhere = ["unknown_room", "link_invalid", "not_open", "link_used", "meeting_over", "link_expired", "precondition_failed", "unprocessable", "notice_refused"];
    const missing = codes.filter((code) => code !== "internal" && !elsewhere.includes(code) && codeText(code) === "code_internal");
    expect(missing).toEqual([]);
    expect([codeText("unreachable"), codeText("toString"), codeText("never heard of")]).toEqual(["code_unreachable", "code_internal", "code_internal"]);
  });

  it("say when, within a sentence, by the Swedish day", () => {
    expect(whenText("sv", NOW, NOW)).toBe("i dag 13:20");
    expect(whenText("sv", NOW + 24 * 3600, NOW)).toBe("i morgon 13:20");
    expect(whenText("sv", NOW - 24 * 3600, NOW)).toBe("söndag 22 november 13:20");
    expect(whenText("en", NOW - 24 * 3600, NOW)).toMatch(/^Sunday,? 22 November 13:20$/);
  });
});
