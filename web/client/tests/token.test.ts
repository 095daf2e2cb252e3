import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TabMemory } from "../src/memory";
import { readToken } from "../src/token";

const token = (claims: unknown): string => `x.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.y`;

describe("reading a token", () => {
  it("finds room, identity, expiry and a name in any script", () => {
    expect(readToken(token({ room: "r", sub: "s", name: "Åsa Öberg 李", exp: 5 }))).toEqual({
      room: "r",
      identity: "s",
      name: "Åsa Öberg 李",
      expiresAt: 5_000,
      lifetimeMs: null,
      admitted: true,
    });
  });

  it("takes nothing that is no meeting token", () => {
    for (const bad of ["", "abc", "a.b.c", token(null), token([]), token({ room: "r" }), token({ sub: 1, room: "r" })]) {
      expect(readToken(bad)).toBeNull();
    }
  });
});

describe("the tab's memory", () => {
  const store = new Map<string, string>();
  beforeEach(() => {
    store.clear();
    vi.stubGlobal("sessionStorage", {
      getItem: (key: string) => store.get(key) ?? null,
      setItem: (key: string, value: string) => store.set(key, value),
      removeItem: (key: string) => store.delete(key),
    });
  });
  afterEach(() => vi.unstubAllGlobals());

  it("keeps one place per room and identity", () => {
    const value = { resumeToken: "t", waiting: false, active: { microphone: false, camera: true } };
    new TabMemory("r", "a").save(value);
    expect(new TabMemory("r", "a").load()).toEqual(value);
    expect(new TabMemory("r", "b").load()).toBeNull();
    expect(new TabMemory("q", "a").load()).toBeNull();
    new TabMemory("r", "a").clear();
    expect(new TabMemory("r", "a").load()).toBeNull();
  });

  it("reads broken contents as nothing, and lives without storage", () => {
    const memory = new TabMemory("r", "a");
    for (const broken of ["{", "7", "{}", '{"resumeToken":"t","waiting":false,"active":{"microphone":1}}']) {
      store.set("alltid-oppet:r:a", broken);
      expect(memory.load()).toBeNull();
    }
    vi.stubGlobal("sessionStorage", undefined);
    memory.save({ resumeToken: "t", waiting: false, active: { microphone: true, camera: true } });
    memory.clear();
    expect(memory.load()).toBeNull();
  });
});
