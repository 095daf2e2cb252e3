import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ChatClient } from "../../src/chat/client";
import type { Conversation } from "../../src/chat/conversation";
import { FakeServer, event, memoryStore } from "./fake_server";

let server: FakeServer;
let store: ReturnType<typeof memoryStore>;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("navigator", {});
  vi.stubGlobal("addEventListener", () => undefined);
  vi.stubGlobal("removeEventListener", () => undefined);
  server = new FakeServer();
  store = memoryStore();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const pass = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
const texts = (conversation: Conversation): string[] => conversation.snapshot.messages.map((one) => one.text);

async function connected(owner = "anna"): Promise<{ client: ChatClient; conversation: Conversation }> {
  const client = new ChatClient({ url: "", owner, store, openSocket: server.open, random: () => 0.5 });
  const conversation = client.open("case-a");
  client.start();
  await pass();
  return { client, conversation };
}

describe("writing", () => {
  it("finds what was being written again after a reload, and nothing once it is sent", async () => {
    const { client, conversation } = await connected();
    conversation.draft = "Jag undrar";
    client.close();
    const after = await connected();
    expect(after.conversation.draft).toBe("Jag undrar");
    expect((await connected("bo")).conversation.draft).toBe("");
    after.conversation.draft = "";
    expect((await connected()).conversation.draft).toBe("");
  });
});

describe("one's own message", () => {
  it("can be changed for as long as the server says, a little less", async () => {
    const mine = async (windowMs: number): Promise<boolean[]> => {
      server.editWindowMs = windowMs;
      const { conversation } = await connected();
      conversation.send("hej");
      await pass();
      const [message] = conversation.snapshot.messages;
      return [0, 13, 15, 600].map((minutes) => conversation.mayChange(message!, message!.atMs + minutes * 60_000));
    };
    expect(await mine(900_000)).toEqual([true, true, false, false]);
    expect(await mine(0)).toEqual([true, true, true, true]);
  });

  it("of somebody else cannot", async () => {
    server.append();
    const { conversation } = await connected();
    const [message] = conversation.snapshot.messages;
    expect(conversation.mayChange(message!, message!.atMs)).toBe(false);
  });
});

describe("reading", () => {
  it("shows what was there, then what comes", async () => {
    server.append();
    const { conversation } = await connected();
    server.append();
    await pass();
    expect(conversation.snapshot).toMatchObject({ status: "live", title: "Recept", unread: 2 });
    expect(texts(conversation)).toEqual(["text 1", "text 2"]);
  });

  it("gets after a reconnect what it missed, each once", async () => {
    const { client, conversation } = await connected();
    server.append();
    server.cut();
    expect(client.state).toBe("offline");
    expect(conversation.snapshot.status).toBe("reconnecting");
    server.append();
    await pass(2_000);
    server.append();
    expect(texts(conversation)).toEqual(["text 1", "text 2", "text 3"]);
    expect(server.payloads("chat_resume").at(-1)).toEqual({ positions: [{ conversation_id: "case-a", last_seq: 1 }] });
  });

  it("asks for what is missing when a number is left out", async () => {
    const { conversation } = await connected();
    server.log.push(event(1));
    server.append();
    expect(texts(conversation)).toEqual([]);
    await pass();
    expect(texts(conversation)).toEqual(["text 1", "text 2"]);
    expect(conversation.snapshot.status).toBe("live");
  });

  it("reads on in every other conversation while one cannot be read, and in that one later", async () => {
    const { client, conversation } = await connected();
    const others = [client.open("case-b"), client.open("case-c")];
    await pass();
    server.away.add("case-a");
    server.cut();
    await pass(2_000);
    expect(others.map((one) => one.snapshot.status)).toEqual(["live", "live"]);
    expect(conversation.snapshot.status).toBe("reconnecting");
    server.away.clear();
    await pass(2_000);
    expect(conversation.snapshot.status).toBe("live");
  });

  it("asks again after the server has left it behind", async () => {
    const { conversation } = await connected();
    server.log.push(event(1));
    server.tell("chat_lagging", { conversation_id: "case-a", seq: 0 });
    await pass();
    expect(texts(conversation)).toEqual(["text 1"]);
  });

  it("reads back by the page", async () => {
    for (let seq = 0; seq < 120; seq += 1) server.append();
    const { conversation } = await connected();
    expect(conversation.snapshot.hasOlder).toBe(true);
    await conversation.loadOlder();
    await conversation.loadOlder();
    expect(texts(conversation)).toEqual(server.log.map((one) => one.body["text"]));
    expect(conversation.snapshot.hasOlder).toBe(false);
  });

  it("finds messages by their words", async () => {
    server.append({ body: { text: "ont i halsen" } });
    server.append();
    const { conversation } = await connected();
    expect((await conversation.search("halsen")).messages.map((one) => one.seq)).toEqual([1]);
  });

  it("tells how far it has come, once, and of nothing it has not read", async () => {
    server.append();
    const { conversation } = await connected();
    await pass(500);
    expect(server.payloads("chat_receipt")).toEqual([{ conversation_id: "case-a", delivered: 1, read: 0 }]);
    conversation.markRead();
    conversation.markRead();
    await pass(500);
    expect(server.payloads("chat_receipt").slice(1)).toEqual([{ conversation_id: "case-a", delivered: 1, read: 1 }]);
    expect(conversation.snapshot.unread).toBe(0);
  });

  it("keeps in the tab how far it has come in a meeting, which tells nobody", async () => {
    server.append({ conversation_id: "meeting-a" });
    const open = (): Conversation => {
      const client = new ChatClient({ url: "", owner: "anna", token: () => "jwt", store, openSocket: server.open });
      const conversation = client.open("meeting-a");
      client.start();
      return conversation;
    };
    const before = open();
    await pass();
    expect(before.snapshot.unread).toBe(1);
    before.markRead();
    const after = open();
    await pass(1_000);
    expect(after.snapshot).toMatchObject({ unread: 0, messages: [{ text: "text 1" }] });
    expect(server.payloads("chat_receipt")).toEqual([]);
    expect(server.payloads("chat_hello")[0]).toEqual({ protocol: 1, token: "jwt" });
  });

  it("waits for the next meeting token when one has expired", async () => {
    server.refusals.set("chat_hello", "token_expired");
    const client = new ChatClient({ url: "", owner: "anna", token: () => "jwt", store, openSocket: server.open });
    client.start();
    await pass();
    expect(client.state).toBe("offline");
    server.refusals.clear();
    await pass(2_000);
    expect(client.state).toBe("online");
  });

  it("shows the server a meeting token that was renewed, on the same socket", async () => {
    let token = "first";
    const client = new ChatClient({ url: "", owner: "anna", token: () => token, store, openSocket: server.open });
    client.open("meeting-a");
    client.start();
    await pass(60_000);
    expect(server.payloads("chat_hello")).toEqual([{ protocol: 1, token: "first" }]);
    token = "second";
    await pass(60_000);
    expect(server.payloads("chat_hello").slice(1)).toEqual([{ protocol: 1, token: "second" }]);
    expect(server.opened).toBe(1);
    expect(server.payloads("chat_resume")).toHaveLength(1);
    client.close();
    token = "third";
    await pass(60_000);
    expect(server.payloads("chat_hello")).toHaveLength(2);
  });

  it("announces what others write from now on, and nothing else", async () => {
    server.append();
    const { conversation } = await connected();
    const arrived: string[] = [];
    conversation.on("arrived", (message) => arrived.push(message.text));
    conversation.send("eget");
    await pass();
    server.cut();
    server.append();
    await pass(2_000);
    await conversation.loadOlder();
    expect(arrived).toEqual(["text 3"]);
  });

  it("follows who may write, and drops what others were in the middle of writing", async () => {
    const { conversation } = await connected();
    const about = { conversation_id: "case-a", author: "nurse", author_name: "Siv Sjö" };
    server.tell("chat_typists", { ...about, for_ms: 6_000 });
    server.tell("chat_text", { ...about, draft_id: "d", number: 1, text: "Jag tror", edits: [] });
    expect(conversation.snapshot).toMatchObject({ state: "open", hostsOnly: false, typing: ["Siv Sjö"] });
    expect(conversation.snapshot.drafts).toHaveLength(1);
    server.tell("chat_changed", { conversation_id: "case-a", title: "", state: "closed", hosts_only: true });
    expect(conversation.snapshot).toMatchObject({ state: "closed", hostsOnly: true, typing: [], drafts: [] });
    await conversation.rule(false);
    expect(server.payloads("chat_rule")).toEqual([{ conversation_id: "case-a", hosts_only: false }]);
    server.tell("chat_changed", { conversation_id: "case-a", title: "", state: "open", hosts_only: false });
    expect(conversation.snapshot).toMatchObject({ state: "open", hostsOnly: false });
  });

  it("stops when the server does not want it any more", async () => {
    const { client, conversation } = await connected();
    server.refusals.set("chat_hello", "revoked");
    server.cut();
    await pass(60_000);
    expect(client).toMatchObject({ state: "closed", endCode: "revoked" });
    expect(conversation.snapshot).toMatchObject({ status: "ended", endCode: "revoked" });
    expect(server.opened).toBe(2);
  });

  it("keeps trying to reach a server that is away", async () => {
    const { client, conversation } = await connected();
    server.reachable = false;
    server.cut();
    await pass(60_000);
    expect(client.state).toBe("offline");
    server.reachable = true;
    await pass(20_000);
    expect(conversation.snapshot.status).toBe("live");
  });
});

describe("writing", () => {
  it("shows a message at once, and as sent when the server has it", async () => {
    const { conversation } = await connected();
    conversation.send("hej");
    expect(conversation.snapshot.messages).toMatchObject([{ text: "hej", own: true, status: "waiting", seq: null }]);
    await pass();
    expect(conversation.snapshot.messages).toMatchObject([{ text: "hej", own: true, status: "sent", seq: 1 }]);
    expect(store.kept.size).toBe(0);
  });

  it("sends again with the same id when an acknowledgement is lost: the message is there once", async () => {
    const { conversation } = await connected();
    server.mute.add("chat_send");
    conversation.send("en gång");
    await pass();
    server.cut();
    server.mute.clear();
    await pass(2_000);
    expect(server.log).toHaveLength(1);
    expect(texts(conversation)).toEqual(["en gång"]);
    expect(conversation.snapshot.messages[0]).toMatchObject({ status: "sent" });
  });

  it("keeps the order of what was written without a connection", async () => {
    const { conversation } = await connected();
    server.cut();
    for (const text of ["ett", "två", "tre"]) conversation.send(text);
    await pass(2_000);
    expect(server.log.map((one) => one.body["text"])).toEqual(["ett", "två", "tre"]);
    expect(texts(conversation)).toEqual(["ett", "två", "tre"]);
  });

  it("finds what is unsent after a reload, and never sends another person's", async () => {
    const first = await connected();
    server.reachable = false;
    server.cut();
    first.conversation.send("kvar");
    first.client.close();
    server.reachable = true;
    const other = await connected("bo");
    await pass(1_000);
    expect(server.log).toEqual([]);
    other.client.close();
    const again = await connected();
    await pass(1_000);
    expect(server.log.map((one) => one.body["text"])).toEqual(["kvar"]);
    expect(texts(again.conversation)).toEqual(["kvar"]);
    expect(store.kept.size).toBe(0);
  });

  it("waits when the store does not answer, and leaves to a person what is refused", async () => {
    const { conversation } = await connected();
    server.refusals.set("chat_send", "chat_unavailable");
    conversation.send("vänta");
    await pass(100);
    expect(conversation.snapshot.messages).toMatchObject([{ status: "waiting" }]);
    server.refusals.set("chat_send", "case_closed");
    await pass(30_000);
    expect(conversation.snapshot.messages).toMatchObject([{ status: "failed", failure: "case_closed" }]);
    server.refusals.clear();
    conversation.retry(conversation.snapshot.messages[0]!.clientId);
    await pass();
    expect(conversation.snapshot.messages).toMatchObject([{ status: "sent" }]);
  });

  it("takes a new socket when a request is not answered", async () => {
    const { conversation } = await connected();
    server.refusals.set("chat_send", "request_timeout");
    conversation.send("hej");
    await pass();
    server.refusals.clear();
    await pass(2_000);
    expect(server.opened).toBe(2);
    expect(texts(conversation)).toEqual(["hej"]);
  });

  it("changes and takes back what it wrote", async () => {
    const { conversation } = await connected();
    conversation.send("fel");
    await pass();
    conversation.edit(1, "rätt");
    expect(conversation.snapshot.messages).toMatchObject([{ text: "rätt", status: "waiting" }]);
    await pass();
    expect(conversation.snapshot.messages).toMatchObject([{ text: "rätt", edited: true, status: "sent" }]);
    conversation.withdraw(1);
    await pass();
    expect(conversation.snapshot.messages).toMatchObject([{ text: "", withdrawn: true }]);
  });

  it("shows how far others have come", async () => {
    const { conversation } = await connected();
    conversation.send("hej");
    await pass();
    const receipt = { conversation_id: "case-a", reader: "nurse" };
    server.tell("chat_receipts", { ...receipt, delivered: 1, read: 0 });
    expect(conversation.snapshot.messages[0]!.status).toBe("delivered");
    server.tell("chat_receipts", { ...receipt, delivered: 1, read: 1 });
    expect(conversation.snapshot.messages[0]!.status).toBe("read");
  });

  it("sends again what the server lost with a restored backup", async () => {
    const { conversation } = await connected();
    server.append();
    conversation.send("mitt");
    await pass();
    server.log = server.log.slice(0, 1);
    server.tell("chat_reset", { conversation_id: "case-a", last_seq: 1 });
    await pass();
    expect(server.payloads("chat_resume").at(-1)).toEqual({ positions: [{ conversation_id: "case-a", last_seq: 1 }] });
    expect(server.log.map((one) => one.body["text"])).toEqual(["text 1", "mitt"]);
    expect(texts(conversation)).toEqual(["text 1", "mitt"]);
  });
});

describe("what is being written", () => {
  it("is told now and then, and that it has stopped", async () => {
    const { conversation } = await connected();
    conversation.typing("h");
    conversation.typing("he");
    await pass(3_100);
    conversation.typing("hej");
    conversation.typing("");
    expect(server.payloads("chat_type").map((one) => one["typing"])).toEqual([true, true, false]);
  });

  it("is shown of others until they stop or their message comes", async () => {
    const { conversation } = await connected();
    const typist = { conversation_id: "case-a", author: "nurse", author_name: "Siv Sjö" };
    server.tell("chat_typists", { ...typist, for_ms: 6_000 });
    expect(conversation.snapshot.typing).toEqual(["Siv Sjö"]);
    await pass(6_000);
    expect(conversation.snapshot.typing).toEqual([]);
    server.tell("chat_typists", { ...typist, for_ms: 6_000 });
    server.append();
    expect(conversation.snapshot.typing).toEqual([]);
  });

  it("and who reads it now, of those who have written, until the socket is gone", async () => {
    const { conversation } = await connected();
    server.append();
    const { author, authorName } = conversation.snapshot.messages.at(-1)!;
    server.tell("chat_presence", { conversation_id: "case-a", people: [author, "somebody-silent"] });
    expect(conversation.snapshot.present).toEqual([authorName]);
    server.tell("chat_presence", { conversation_id: "case-a", people: [] });
    expect(conversation.snapshot.present).toEqual([]);
    server.tell("chat_presence", { conversation_id: "case-a", people: [author] });
    server.cut();
    expect(conversation.snapshot.present).toEqual([]);
  });

  it("goes out as real-time text under the id of the message, and ends with it", async () => {
    const { conversation } = await connected();
    conversation.typing("Hej", true);
    await pass(400);
    conversation.typing("Hej!", true);
    await pass(400);
    conversation.send("Hej!");
    await pass(5_000);
    const said = server.payloads("chat_live");
    expect(said.map((one) => one["edits"])).toEqual([
      [{ at: 0, erase: 0, insert: "Hej" }],
      [{ at: 3, erase: 0, insert: "!" }],
    ]);
    expect(server.payloads("chat_send")[0]!["client_id"]).toBe(said[0]!["draft_id"]);
  });

  it("is shown of others character by character, until their message", async () => {
    const { conversation } = await connected();
    const said = { conversation_id: "case-a", author: "nurse", author_name: "Siv", draft_id: "d1" };
    server.tell("chat_text", { ...said, number: 1, text: "", edits: [{ at: 0, erase: 0, insert: "Va" }] });
    server.tell("chat_text", { ...said, number: 2, text: null, edits: [{ at: 2, erase: 0, insert: "r" }] });
    expect(conversation.snapshot.drafts).toMatchObject([{ authorName: "Siv", text: "Var" }]);
    server.append({ client_id: "d1" });
    server.tell("chat_text", { ...said, number: 3, text: "Var sent", edits: [] });
    expect(conversation.snapshot.drafts).toEqual([]);
  });
});
