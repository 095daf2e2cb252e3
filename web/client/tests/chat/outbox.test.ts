import { afterEach, describe, expect, it, vi } from "vitest";
import { KeptText, Outbox, forgetUnsent } from "../../src/chat/outbox";
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
    const storage: Record<string, unknown> = { "alltid-oppet:chat:anna:case-a": "[]", "alltid-oppet:chat:draft:anna:case-a": "Hej", other: "kept" };
    Object.defineProperty(storage, "removeItem", { value: (key: string) => delete storage[key] });
    vi.stubGlobal("sessionStorage", storage);
    forgetUnsent();
    expect(Object.keys(storage)).toEqual(["other"]);
  });
});

describe("what the tab keeps of a conversation", () => {
  it("is kept for each person and conversation, and apart from what waits to be sent", () => {
    const store = memoryStore();
    const of = (what: "draft" | "read", owner: string): KeptText => new KeptText(store, what, owner, "meeting-a");
    of("read", "anna").save("7");
    of("draft", "anna").save("Hej");
    expect([of("read", "anna").load(), of("read", "bo").load(), of("draft", "anna").load()]).toEqual(["7", "", "Hej"]);
    expect(new Outbox(store, "anna", "meeting-a").entries).toEqual([]);
    of("draft", "anna").save("");
    expect(store.kept.size).toBe(1);
  });

  it("lives as long as the page where nothing can be stored", () => {
    const refuse = (): never => {
      throw new Error("forbidden");
    };
    const kept = new KeptText({ getItem: refuse, setItem: refuse, removeItem: refuse }, "draft", "anna", "case-a");
    kept.save("Hej");
    expect(kept.load()).toBe("");
  });
});
