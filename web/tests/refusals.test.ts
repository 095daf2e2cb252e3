/** What a person is told in a conversation when a file or a message does not arrive: in words, in both languages. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Bench, VIEWPORTS, openBench } from "./browser";
import { FakeApi, session } from "./fake_api";
import { caseId, fillChat } from "./fake_cases";
import { FakeChat } from "./fake_chat";

const UPLOAD = "PUT /api/attachments/x";
const WORDS = {
  sv: {
    lost: "Anslutningen bröts innan filen kom fram.",
    retry: "Försök igen med remiss.txt",
    ready: "remiss.txt, klar att skicka",
    refused: {
      too_large: "Filen är för stor.",
      file_refused: "Filen tas inte emot, eller stämmer inte med sitt namn. Det går att skicka bilder (JPEG, PNG, WebP, GIF), PDF och ren text.",
      file_infected: "Filen innehåller skadlig kod (virus) och togs inte emot.",
      picture_refused: "Bilden är skadad eller för stor och togs inte emot.",
      quota_exceeded: "Det finns redan för många filer här.",
    },
    large: "Filen är för stor. En fil får vara högst 20 MB.",
    closed: { case_closed: "Konversationen är avslutad.", conversation_closed: "Det går inte att skriva här nu." },
    shut: "Ärendet är avslutat. Det går att läsa, men inte att skriva mer.",
  },
  en: {
    lost: "The connection broke before the file had arrived.",
    retry: "Try again with remiss.txt",
    ready: "remiss.txt, ready to send",
    refused: {
      too_large: "The file is too large.",
      file_refused: "The file is not accepted, or is not what its name says. Pictures (JPEG, PNG, WebP, GIF), PDF and plain text can be sent.",
      file_infected: "The file holds harmful code (a virus) and was not accepted.",
      picture_refused: "The picture is damaged or too large, and was not accepted.",
      quota_exceeded: "There are too many files here already.",
    },
    large: "The file is too large. A file may be at most 20 MB.",
    closed: { case_closed: "The conversation is closed.", conversation_closed: "Nothing can be written here now." },
    shut: "The case is closed. It can be read, but nothing more can be written.",
  },
} as const;

let bench: Bench;
let page: Page;
let api: FakeApi;
let chat: FakeChat;

beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());

describe.each(["sv", "en"] as const)("in a conversation, in %s", (language) => {
  const words = WORDS[language];
  beforeEach(async () => {
    page = await bench.newPage(VIEWPORTS.phone, { reducedMotion: "reduce" });
    await page.addInitScript((chosen) => localStorage.setItem("alltid-oppet:preference:language", chosen), language);
    api = new FakeApi();
    chat = new FakeChat();
    api.session = session();
    fillChat(chat, "patient");
    await api.attach(page);
    await chat.attach(page);
    await page.goto(bench.casePage(`/cases/${caseId("a")}`));
    await page.waitForSelector("[data-testid=chat][data-status=live]");
  });
  afterEach(async () => {
    expect(bench.complaints().filter((text) => !text.startsWith("Failed to load resource"))).toEqual([]);
    await page.context().close();
  });

  const attach = (): Promise<void> => page.setInputFiles("[data-testid=chat-file]", { name: "remiss.txt", mimeType: "text/plain", buffer: Buffer.from("hello") });
  const said = (): Promise<string | null> => page.textContent("[data-testid=upload][data-error] [role=alert]");

  it("a file that the network lost is said to be, and goes up when it is tried again", async () => {
    api.lost.add(UPLOAD);
    await attach();
    expect(await said()).toBe(`remiss.txt: ${words.lost}`);
    expect(await page.getAttribute("[data-testid=retry-file]", "aria-label")).toBe(words.retry);
    api.lost.clear();
    await page.click("[data-testid=retry-file]");
    await page.waitForSelector(`[data-testid=upload] :text("${words.ready}")`);
    expect(await page.locator("[data-testid=upload][data-error]").count()).toBe(0);
    await page.click("[data-testid=chat-send]");
    await expect.poll(() => chat.asked.find(({ name }) => name === "chat_send")?.payload).toMatchObject({ attachments: ["att-remiss.txt"] });
  });

  it("a file that is refused says why, and is left out", async () => {
    for (const [code, text] of Object.entries(words.refused)) {
      api.refusals.set(UPLOAD, { status: 415, code });
      await attach();
      expect(await said()).toBe(`remiss.txt: ${text}`);
      expect(await page.locator("[data-testid=retry-file]").count()).toBe(0);
      await page.click("[data-testid=remove-file]");
      expect(await page.locator("[data-testid=upload]").count()).toBe(0);
    }
  });

  it("a file that is too large says how large one may be", async () => {
    api.refusals.set(`POST /api/cases/${caseId("a")}/attachments`, { status: 413, code: "too_large", limit: { of: "file_bytes", most: 20 * 1024 * 1024 } });
    await attach();
    expect(await said()).toBe(`remiss.txt: ${words.large}`);
  });

  it("a message that comes too late says why and is not lost, and a closed conversation says that it is", async () => {
    for (const [code, text] of Object.entries(words.closed)) {
      chat.refusals.set("chat_send", code);
      await page.fill("[data-testid=chat-text]", `Hej ${code}`);
      await page.click("[data-testid=chat-send]");
      const failed = page.locator("[data-testid=message][data-status=failed]", { hasText: `Hej ${code}` });
      expect(await failed.locator("[role=alert]").textContent()).toBe(text);
      expect(await failed.locator("[data-testid=message-text]").textContent()).toBe(`Hej ${code}`);
    }
    chat.tell("chat_changed", { conversation_id: caseId("a"), title: "", state: "closed", hosts_only: false });
    await page.waitForSelector(`.ao-chat-end :text("${words.shut}")`);
    expect(await page.locator("[data-testid=chat-text]").count()).toBe(0);
  });
});
