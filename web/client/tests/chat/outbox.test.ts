import { afterEach, describe, expect, it, vi } from "vitest";
import { Outbox, ReadMark, forgetUnsent } from "../../src/chat/outbox";
import { memoryStore } from "./fake_server";

afterEach(() => vi.unstubAllGlobals());

const entry = (clientId: string) => ({
  kind: "message" as const,
  clientId,
  text: "hej",
  attachments: [],
  target: 0,
  atMs: 1,
  failure: null,
});

describe("an outbox", () => {
  it("survives a reload, in its order, and takes each id once", () => {
    const store = memoryStore();
    const before = new Outbox(store, "anna", "case-a");
    for (const id of ["1", "2", "1"]) before.add(entry(id));
    expect(new Outbox(store, "anna", "case-a").entries.map((one) => one.clientId)).toEqual(["1", "2"]);
    expect(new Outbox(store, "anna", "case-b").entries).toEqual([]);
    expect(new Outbox(store, "bo", "case-a").entries).toEqual([]);
  });

  it("passes over what was refused", () => {
    const outbox = new Outbox(memoryStore(), "anna", "case-a");
    for (const id of ["1", "2"]) outbox.add(entry(id));
    outbox.mark("1", "case_closed");
    expect(outbox.next()?.clientId).toBe("2");
    outbox.mark("1", null);
    expect(outbox.next()?.clientId).toBe("1");
  });

  it("ignores what it did not write itself", () => {
    for (const text of ["{", "3", '[null, {"kind": "message"}]', '[{"kind": "other", "clientId": "1"}]']) {
      const store = memoryStore();
      store.setItem("alltid-oppet:chat:anna:case-a", text);
      expect(new Outbox(store, "anna", "case-a").entries).toEqual([]);
    }
  });

  it("works without storage", () => {
    const refuse = (): never => {
      throw new Error("forbidden");
    };
    const outbox = new Outbox({ getItem: refuse, setItem: refuse, removeItem: refuse }, "anna", "case-a");
    outbox.add(entry("1"));
    expect(outbox.remove("1")?.text).toBe("hej");
  });

  it("leaves nothing behind when somebody logs out, and what is not its own alone", () => {
    const storage: Record<string, unknown> = { "alltid-oppet:chat:anna:case-a": "[]", other: "kept" };
    Object.defineProperty(storage, "removeItem", { value: (key: string) => delete storage[key] });
    vi.stubGlobal("sessionStorage", storage);
    forgetUnsent();
    expect(Object.keys(storage)).toEqual(["other"]);
  });
});

describe("a read mark", () => {
  it("is kept for each person and conversation", () => {
    const store = memoryStore();
    new ReadMark(store, "anna", "meeting-a").save(7);
    expect([new ReadMark(store, "anna", "meeting-a").load(), new ReadMark(store, "bo", "meeting-a").load()]).toEqual([7, 0]);
  });
});
