/** The pages of cases in a real browser, over a front and a socket that answer as the test says. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Bench, VIEWPORTS, later, openBench } from "./browser";
import { ELSA, FakeApi, KARL, NOW, session, staff } from "./fake_api";
import { ARCHIVED_OF_PATIENT, ARCHIVED_OF_UNIT, CLOSED_OF_UNIT, OF_PATIENT, OF_UNIT, UNIT, caseId, fillChat } from "./fake_cases";
import { FakeChat } from "./fake_chat";

let bench: Bench;
let page: Page;
let api: FakeApi;
let chat: FakeChat;

beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());
afterEach(async () => {
  // A refused request, or a socket that is cut, is what some of these tests are about; the browser says so by itself.
  const expected = /^(Failed to load resource|WebSocket connection to)/;
  expect(bench.complaints().filter((text) => !expected.test(text))).toEqual([]);
  await page.context().close();
});

async function arrive(size: keyof typeof VIEWPORTS, as: "patient" | "staff"): Promise<void> {
  page = await bench.newPage(VIEWPORTS[size], { reducedMotion: "reduce" });
  api = new FakeApi();
  chat = new FakeChat();
  api.session = as === "staff" ? staff() : session();
  if (as === "staff") api.cases = [...OF_UNIT, ...CLOSED_OF_UNIT];
  fillChat(chat, as);
  await api.attach(page);
  await chat.attach(page);
}

const open = (path: string): Promise<unknown> => page.goto(bench.casePage(path));
const there = (selector: string): Promise<unknown> => page.waitForSelector(selector);
const live = (): Promise<unknown> => there("[data-testid=chat][data-status=live]");
const focused = (): Promise<string | null> => page.evaluate(() => document.activeElement?.getAttribute("data-case-id") ?? document.activeElement?.textContent ?? null);
const path = (): string => new URL(page.url()).pathname;
const rows = (): Promise<string[]> => page.locator("[data-testid=inbox] [data-testid=case]").evaluateAll((all) => all.map((row) => row.getAttribute("data-case-id")!.at(-1)!));
const acts = (): string[] => api.calls.filter(({ method }) => method === "POST").map((call) => call.path.replace(/^\/api\/cases\//, ""));

describe("a patient", () => {
  beforeEach(() => arrive("phone", "patient"));

  it("comes to the case that a link names by way of the login", async () => {
    api.session = null;
    await open(`/cases/${caseId("a")}`);
    await there("[data-state=out]");
    expect(await page.getAttribute("[data-testid=login-patient]", "href")).toBe(`/login/patient?return_to=%2Fcases%2F${caseId("a")}`);
  });

  it("sees what is unread first, opens it, and finds it read in the list", async () => {
    await open("/cases");
    await there("[data-testid=case]");
    expect(await page.getAttribute("[data-testid=case] >> nth=0", "data-unread")).toBe("true");
    await page.click("[data-testid=case] >> nth=0");
    await live();
    expect(path()).toBe(`/cases/${caseId("a")}`);
    expect(await focused()).toBe("Fråga om mitt recept på blodtrycksmedicin");
    await expect
      .poll(() => chat.asked.find(({ name }) => name === "chat_receipt"))
      .toMatchObject({ payload: { conversation_id: caseId("a"), read: 6 } });
    api.cases = OF_PATIENT.map((one) => ({ ...one, is_unread: false }));
    await page.goBack();
    await there("[data-testid=my-cases][data-loaded=here]");
    expect(await focused()).toBe("Mina ärenden");
    expect(await page.locator("[data-unread=true]").count()).toBe(0);
  });

  it("hears of an answer while the list is on the screen", async () => {
    await page.clock.install({ time: NOW * 1000 });
    api.cases = OF_PATIENT.map((one) => ({ ...one, is_unread: false }));
    await open("/cases");
    await there("[data-testid=case]");
    api.cases = OF_PATIENT;
    await later(page, 21_000);
    await there("[data-testid=case][data-unread=true]");
    await there("[role=status]:text('1 oläst ärende')");
    expect(api.calls.filter((call) => call.path === "/api/cases").length).toBe(2);
  });

  it("keeps the list on the screen when it cannot be loaded again, and is told", async () => {
    await page.clock.install({ time: NOW * 1000 });
    await open("/cases");
    await there("[data-testid=case]");
    api.refusals.set("GET /api/cases", { status: 503, code: "unavailable" });
    await later(page, 21_000);
    await there("text=Listan uppdateras inte just nu");
    expect(await page.locator("[data-testid=case]").count()).toBe(3);
  });

  it("is shown what is missing in a new case, with the focus on the first of it", async () => {
    await open("/cases/new");
    await page.click("[data-testid=send-case]");
    await there("[role=alert] :text('Något fattas')");
    await page.waitForFunction(() => (document.activeElement as HTMLInputElement).type === "radio");
    await page.click("[data-testid=unit]");
    await page.click("[data-testid=send-case]");
    await page.waitForFunction(() => document.activeElement?.getAttribute("data-testid") === "subject");
    expect(await page.getAttribute("[data-testid=subject]", "aria-invalid")).toBe("true");
    expect(acts()).toEqual([]);
  });

  it("reads opening hours, promise and 112 before the button that sends, and sends text and file once", async () => {
    await open("/cases/new");
    await page.click(`[data-unit=${UNIT}]`);
    const order = await page.evaluate(() => {
      const [board, button] = ["board", "send-case"].map((name) => document.querySelector(`[data-testid=${name}]`)!);
      return board!.compareDocumentPosition(button!) & Node.DOCUMENT_POSITION_FOLLOWING;
    });
    expect(order).toBeTruthy();
    const board = await page.textContent("[data-testid=board]");
    for (const said of ["Öppettider: måndag–fredag 08:00–17:00", "Du får svar senast tisdag 24 november 13:20", "112"]) expect(board).toContain(said);
    await page.fill("[data-testid=subject]", "  Knät ");
    await page.fill("[data-testid=text]", "Det gör ont.");
    await page.setInputFiles("[data-testid=file]", { name: "knä.txt", mimeType: "text/plain", buffer: Buffer.from("hello") });
    chat.put(`case-${"z".repeat(26)}`);
    await page.click("[data-testid=send-case]");
    await there("[data-testid=message-text]:text('Det gör ont.')");
    expect(path()).toBe(`/cases/case-${"z".repeat(26)}`);
    const sent = chat.asked.filter(({ name }) => name === "chat_send");
    expect(sent).toMatchObject([{ payload: { text: "Det gör ont.", attachments: ["att-knä.txt"] } }]);
    expect(api.calls.find((call) => call.path === "/api/cases" && call.method === "POST")).toMatchObject({
      body: { unit_hsa_id: UNIT, subject: "Knät" },
      csrf: "csrf-1",
    });
    await open("/cases/new");
    expect(await page.inputValue("[data-testid=subject]")).toBe("");
  });

  it("finds what was written again after a reload, and a refused file tells why and can be left out", async () => {
    await open("/cases/new");
    await page.click(`[data-unit=${UNIT}]`);
    await page.fill("[data-testid=subject]", "Knät");
    await page.fill("[data-testid=text]", "Det gör ont.");
    await page.reload();
    expect(await page.inputValue("[data-testid=text]")).toBe("Det gör ont.");
    const file = { name: "x.exe", mimeType: "text/plain", buffer: Buffer.from("hello") };
    await page.setInputFiles("[data-testid=file]", file);
    api.refusals.set("PUT /api/attachments/x", { status: 415, code: "file_refused" });
    await page.click("[data-testid=send-case]");
    await there("[data-testid=attached][data-error=file_refused] :text('Det går att skicka bilder')");
    chat.put(`case-${"z".repeat(26)}`);
    await page.click("[data-testid=attached] button");
    await page.click("[data-testid=send-case]");
    await there("[data-testid=message-text]:text('Det gör ont.')");
    const ids = api.calls.filter((call) => call.path === "/api/cases" && call.method === "POST").map(({ body }) => (body as { client_id: string }).client_id);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  });

  it.each([
    ["too_many", 429, "Du har redan så många öppna ärenden"],
    ["unit_takes_no_cases", 409, "Mottagningen tar inte emot meddelanden"],
  ])("is told in words why a case is refused: %s", async (code, status, words) => {
    await open("/cases/new");
    await page.click(`[data-unit=${UNIT}]`);
    await page.fill("[data-testid=subject]", "Knät");
    await page.fill("[data-testid=text]", "Det gör ont.");
    api.refusals.set("POST /api/cases", { status, code });
    await page.click("[data-testid=send-case]");
    await there(`[role=alert] :text('${words}')`);
    expect(await page.inputValue("[data-testid=text]")).toBe("Det gör ont.");
  });

  it("writes without a network: it waits, is sent when the socket is back, also from the list", async () => {
    await open(`/cases/${caseId("b")}`);
    await live();
    chat.refusals.set("chat_hello", "chat_unavailable");
    await chat.cut();
    await there("[data-testid=chat][data-status=reconnecting]");
    await page.fill("[data-testid=chat-text]", "Är det bråttom?");
    await page.click("[data-testid=chat-send]");
    await there("[data-testid=message][data-status=waiting]");
    await page.click("[data-testid=back]");
    await there("[data-testid=my-cases]");
    chat.refusals.clear();
    await page.waitForFunction(() => !Object.keys(sessionStorage).some((key) => key.startsWith("alltid-oppet:chat:0f3c:case")));
    expect(chat.conversations.get(caseId("b"))!.events.filter(({ body }) => body["text"] === "Är det bråttom?")).toHaveLength(1);
  });

  it("finds what was being written to the unit again after a reload, in that case and no other", async () => {
    const writing = async (letter: string): Promise<string> => (await open(`/cases/${caseId(letter)}`), await live(), page.inputValue("[data-testid=chat-text]"));
    await writing("b");
    await page.fill("[data-testid=chat-text]", "Det började i går");
    expect([await writing("a"), await writing("b")]).toEqual(["", "Det började i går"]);
    await page.click("[data-testid=chat-send]");
    await there("[data-testid=message] :text('Det började i går')");
    expect(await writing("b")).toBe("");
  });

  it("finds a message by its words and is led to it", async () => {
    await open(`/cases/${caseId("a")}`);
    await live();
    await page.click("[data-testid=toggle-search]");
    await page.fill("[data-testid=search-text]", "x");
    await page.keyboard.press("Enter");
    await there("[role=status]:text('Skriv minst två tecken.')");
    await page.fill("[data-testid=search-text]", "yr på");
    await page.keyboard.press("Enter");
    await there("[role=status]:text('1 träff')");
    await page.click("[data-testid=search-hit]");
    await there("[data-found=true][data-seq='2']");
    await page.fill("[data-testid=search-text]", "finns inte");
    await page.keyboard.press("Enter");
    await there("text=Inga meddelanden har de orden.");
  });

  it("opens a closed case again, while that is possible", async () => {
    await open(`/cases/${caseId("e")}`);
    await there("[data-testid=case-closed] :text('Det går inte längre att öppna igen.')");
    expect(await page.locator("[data-testid=reopen]").count()).toBe(0);
    await open(`/cases/${caseId("d")}`);
    await there("[data-testid=case-closed] :text('till och med')");
    expect(await page.locator("[data-testid=chat-text]").count()).toBe(0);
    chat.conversations.get(caseId("d"))!.state = "open";
    await page.click("[data-testid=reopen]");
    await there("[data-testid=case-room][data-state=reopened]");
    chat.tell("chat_changed", { conversation_id: caseId("d"), title: "", state: "open", hosts_only: false });
    await there("[data-testid=chat-text]");
    expect(acts()).toEqual([`${caseId("d")}/reopen`]);
  });

  it("sees the case change when the unit has taken it", async () => {
    await open(`/cases/${caseId("c")}`);
    await live();
    api.cases = api.cases.map((one) => (one.case_id === caseId("c") ? { ...one, state: "assigned", version: 9 } : one));
    chat.append(caseId("c"), "", { kind: "system", author: "", body: { what: "case_changed", state: "assigned", version: 9 } });
    await there("[data-testid=case-room][data-state=assigned]");
    await there("[data-testid=case-state]:has-text('Mottaget')");
  });

  it("acts for a child with a banner on every screen, and is led back to the list when that ends", async () => {
    api.session = session({ proxies: [ELSA, KARL] });
    await open("/cases");
    await page.click("[data-subject=p-elsa]");
    await there("h1:text('Ärenden för Elsa Andersson')");
    for (const step of ["[data-testid=new-case]", "[data-testid=back]", "[data-testid=case]"]) {
      await page.click(step);
      await there("[data-testid=proxy-banner] :text('Elsa Andersson')");
    }
    await live();
    await page.click("[data-testid=proxy-end]");
    await there("h1:text('Mina ärenden')");
    expect(path()).toBe("/cases");
  });

  it("whose right does not cover messages is told so", async () => {
    api.session = session({ proxies: [KARL], acting_for: KARL });
    await open("/cases");
    await there("h1:text('Ditt ombudskap gäller inte meddelanden')");
    expect(api.calls.some((call) => call.path.startsWith("/api/cases"))).toBe(false);
  });
});

describe("the unit's inbox", () => {
  beforeEach(() => arrive("desktop", "staff"));

  it("has the answer that is promised first at the top, and shows who is overdue", async () => {
    await open("/portal/cases");
    await there("[data-testid=case]");
    expect(await rows()).toEqual(["b", "c", "a", "g", "f"]);
    expect(await page.textContent("[data-case-id$=b] >> nth=0")).toContain("Försenad, svar lovat i dag 10:20");
    expect(await page.textContent("[data-filter=late]")).toBe("Försenade1");
  });

  it.each([
    ["new", ["b", "g"]],
    ["mine", ["a", "f"]],
    ["staff", ["c", "a"]],
    ["late", ["b"]],
    ["patient", ["f"]],
    ["closed", ["d"]],
  ])("shows the part %s", async (filter, expected) => {
    await open("/portal/cases");
    await there("[data-testid=case]");
    await page.click(`[data-filter=${filter}]`);
    await there(`[data-filter=${filter}][aria-pressed=true]`);
    await page.waitForFunction((count) => document.querySelectorAll("[data-testid=inbox] a[data-testid=case]").length === count, expected.length);
    expect(await rows()).toEqual(expected);
  });

  it("is worked by keyboard: down the list, into a case, and back with Escape", async () => {
    await open("/portal/cases");
    await there("[data-testid=case]");
    await page.focus("[data-testid=case] >> nth=0");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    expect(await focused()).toBe(caseId("a"));
    await page.keyboard.press("End");
    expect(await focused()).toBe(caseId("f"));
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowUp");
    expect(await focused()).toBe(caseId("b"));
    await page.keyboard.press("Enter");
    await there("[data-testid=desk]");
    await live();
    expect(await focused()).toBe("Mohammed Al-Khalil");
    await page.keyboard.press("Escape");
    expect(await focused()).toBe(caseId("b"));
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await there(`[data-testid=desk][data-case-id=${caseId("c")}]`);
  });

  it("hears at once of a case that has come, and of one that has gone to another unit", async () => {
    await open("/portal/cases");
    await there("[data-testid=case]");
    await page.waitForFunction(() => document.querySelector("[data-testid=inbox]"));
    const asked = api.calls.length;
    await expect.poll(() => chat.asked.some(({ name, payload }) => name === "chat_resume" && JSON.stringify(payload).includes("staff-unit"))).toBe(true);
    const come = { ...OF_UNIT[1]!, case_id: caseId("h"), patient_name: "Petra Nyström", subject: "Ont i halsen", is_unread: true, answer_by: NOW + 60 };
    api.cases = [...api.cases.filter((one) => one.case_id !== caseId("c")), come];
    chat.tell("chat_case", { conversation_id: "staff-unit", case_id: caseId("h") });
    chat.tell("chat_case", { conversation_id: "staff-unit", case_id: caseId("c") });
    await there(`[data-testid=case][data-case-id=${caseId("h")}]`);
    await page.waitForSelector(`[data-testid=case][data-case-id=${caseId("c")}]`, { state: "detached" });
    await there("[data-testid=inbox-news]:text('Ärendet Ont i halsen har ändrats')");
    // Only the two are asked for: each line of a list is a read in the audit log.
    expect(api.calls.slice(asked).map((call) => call.path)).toEqual(["/api/cases", "/api/cases"]);
  });

  it("asks for the whole list again when the socket was away", async () => {
    await open("/portal/cases");
    await there("[data-testid=case]");
    await expect.poll(() => chat.asked.some(({ payload }) => JSON.stringify(payload).includes("staff-unit"))).toBe(true);
    api.cases = [OF_UNIT[0]!];
    await chat.cut();
    await page.waitForFunction(() => document.querySelectorAll("[data-testid=inbox] a[data-testid=case]").length === 1);
  });

  it("finds open and closed cases by the patient's name", async () => {
    await open("/portal/cases");
    await page.fill("[data-testid=inbox-search]", "anna");
    await page.keyboard.press("Enter");
    await there("text=Träffar på ”anna”");
    expect(await rows()).toEqual(["a", "d"]);
    await page.click("[data-testid=inbox-search-clear]");
    await there("[data-testid=filters]");
    expect((await rows()).length).toBe(5);
  });

  it("a case is taken before it is answered", async () => {
    await open(`/portal/cases/${caseId("b")}`);
    await live();
    expect(await page.locator("[data-testid=chat] [data-testid=chat-text]").count()).toBe(0);
    await page.click("[data-testid=take-first] button");
    await there("[data-testid=desk][data-state=assigned]");
    await there("[data-testid=holder]:text('Du har ärendet')");
    await there("[data-testid=desk-said]:text('Du har tagit ärendet.')");
    await page.fill("[data-testid=chat] [data-testid=chat-text]", "Hej!");
    await page.keyboard.press("Control+Enter");
    await there("[data-testid=chat] [data-testid=message-text]:text-is('Hej!')");
  });

  it("notes go to another conversation than the patient's, on another surface", async () => {
    await open(`/portal/cases/${caseId("a")}`);
    await live();
    await page.fill("[data-testid=notes] [data-testid=chat-text]", "Ring apoteket");
    await page.keyboard.press("Control+Enter");
    await there("[data-testid=notes] [data-testid=message-text]:text('Ring apoteket')");
    const sent = chat.asked.filter(({ name }) => name === "chat_send");
    expect(sent.map(({ payload }) => payload["conversation_id"])).toEqual([`notes-${"a".repeat(26)}`]);
    await there("[data-testid=notes-panel] :text('Patienten ser det aldrig.')");
    const colours = await page.evaluate(() => ["messages", "notes"].map((name) => getComputedStyle(document.querySelector(`.ap-${name}`)!).backgroundColor));
    expect(colours[0]).not.toBe(colours[1]);
  });

  it("is closed after a question, and not when something came in meanwhile", async () => {
    await open(`/portal/cases/${caseId("a")}`);
    await live();
    await page.click("[data-testid=close-case]");
    await there("[data-testid=dialog-close] :text('Det går att öppna igen till och med måndag 7 december')");
    api.refusals.set(`POST /api/cases/${caseId("a")}/close`, { status: 409, code: "changed_meanwhile" });
    await page.click("[data-testid=confirm-close]");
    await there("[data-testid=dialog-close] [role=alert]:text('Någon annan hann ändra ärendet.')");
    api.refusals.clear();
    await page.click("[data-testid=confirm-close]");
    await there("[data-testid=desk][data-state=closed]");
    expect(api.calls.findLast((call) => call.path.endsWith("/close"))!.body).toEqual({ version: 3 });
    await page.click("[data-testid=reopen]");
    await there("[data-testid=desk][data-state=reopened]");
  });

  it("a case goes to a colleague, or to another unit and off the screen", async () => {
    await open(`/portal/cases/${caseId("a")}`);
    await live();
    await page.click("[data-testid=give]");
    await page.selectOption("[data-testid=receiver]", { label: "Johan Berg" });
    await page.click("[data-testid=confirm-give]");
    await there("[data-testid=holder]:text('Johan Berg har ärendet')");
    await page.click("[data-testid=give]");
    await page.selectOption("[data-testid=receiver]", { label: "Närhälsan Ekbacken" });
    await page.click("[data-testid=confirm-give]");
    await page.waitForSelector("[data-testid=desk]", { state: "detached" });
    expect(path()).toBe("/portal/cases");
    expect(acts()).toEqual([`${caseId("a")}/hand-over`, `${caseId("a")}/return`]);
  });

  it("writes to a patient first, who is found by number", async () => {
    chat.put(`case-${"z".repeat(26)}`);
    await open("/portal/cases");
    await page.click("[data-testid=staff-new]");
    expect(path()).toBe("/portal/cases/new");
    await page.fill("[data-testid=patient-number]", "1912");
    await page.click("[data-testid=find-patient]");
    await there("[data-testid=patient-number][aria-invalid=true]:focus");
    await page.fill("[data-testid=patient-number]", "19900101-2384");
    api.refusals.set("POST /api/care/patients/lookup", { status: 404, code: "patient_unknown" });
    await page.click("[data-testid=find-patient]");
    await there("[data-testid=new-failed][data-code=patient_unknown]:has-text('Ingen med det numret')");
    api.refusals.clear();
    await page.click("[data-testid=find-patient]");
    await there("[data-testid=patient-found]:has-text('Sara N.')");
    await page.click("[data-testid=send-case]");
    await there("[data-testid=subject][aria-invalid=true]:focus");
    await page.fill("[data-testid=subject]", "Dina provsvar");
    await page.fill("[data-testid=text]", "Hej Sara, proverna ser bra ut.");
    await page.click("[data-testid=send-case]");
    await there("[data-testid=desk]");
    expect(api.calls.findLast((call) => call.path === "/api/cases" && call.method === "POST")!.body).toMatchObject({
      patient: "p-sara",
      unit_hsa_id: "SE2321000131-U1",
      subject: "Dina provsvar",
    });
    await expect.poll(() => chat.asked.find((one) => one.name === "chat_send")?.payload["text"]).toBe("Hej Sara, proverna ser bra ut.");
  });

  it("keeps patients out, and those without a commission", async () => {
    api.session = session();
    await open("/portal/cases");
    await there("[data-state=patient]");
    api.session = staff({ commission: null });
    await open("/portal/cases");
    await there("[data-state=choose]");
    await page.click("[data-testid=commission] >> nth=0");
    await there("[data-testid=inbox]");
  });
});

describe("a case that only the record has", () => {
  const id = caseId("h");
  const texts = (): Promise<string[]> => page.locator("[data-testid=transcript] >> nth=0 >> [data-testid=message-text]").allTextContents();

  it("is called by its subject in the patient's list, and reads as it was written, corrections beside it", async () => {
    await arrive("phone", "patient");
    api.cases = [...api.cases, ARCHIVED_OF_PATIENT];
    await open("/cases");
    await page.click("[data-testid=show-closed]");
    await page.click(`[data-case-id=${id}]:has-text("Allergitest")`);
    await there("[data-testid=case-room][data-archived=true] h1:text('Allergitest')");
    await there("[data-testid=transcript]");
    expect(await texts()).toEqual(["Hej, har svaret på allergitestet kommit?", "Ja, du är allergisk mot björk."]);
    expect(await page.locator("[data-testid=remark]").allTextContents()).toEqual(["Rättelse: Provet gällde björk och al."]);
    expect(await page.locator("[data-testid=chat-text], [data-testid=reopen], [data-testid=message-options]").count()).toBe(0);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("[data-testid=save-file]")]);
    expect(download.suggestedFilename()).toBe("arm.pdf");
  });

  it("says that the archive does not answer, and tries again", async () => {
    await arrive("phone", "patient");
    api.cases = [...api.cases, ARCHIVED_OF_PATIENT];
    api.refusals.set(`GET /api/care/cases/archived/${id}`, { status: 503, code: "unavailable" });
    await open(`/cases/${id}`);
    await there("[data-testid=archive-failed][data-code=unavailable]");
    api.refusals.clear();
    await page.click("[data-testid=archive-failed] button");
    await there("[data-testid=transcript]");
  });

  it("is read by the unit's staff, its notes only when they are asked for", async () => {
    await arrive("desktop", "staff");
    api.cases = [...api.cases, ARCHIVED_OF_UNIT];
    await open(`/portal/cases/${id}`);
    await there("[data-testid=desk][data-archived=true] [data-testid=transcript]");
    expect(api.calls.some((call) => call.path.includes("/notes-"))).toBe(false);
    await page.click("[data-testid=archived-notes]");
    await there("[data-testid=notes-panel] [data-testid=message-text]:text('Svar från laboratoriet inkommet.')");
    expect(await page.locator("[data-testid=take], [data-testid=reopen], [data-testid=close-case]").count()).toBe(0);
  });
});

describe("the inbox on a phone", () => {
  beforeEach(() => arrive("phone", "staff"));

  it("shows the list or the case, messages or notes, and knows the way back", async () => {
    await open("/portal/cases");
    await page.click(`[data-case-id=${caseId("a")}]`);
    await live();
    expect(await page.locator("[data-testid=filters], [data-testid=notes-panel]").count()).toBe(0);
    await page.click("[data-testid=tab-notes]");
    await there("[data-testid=notes][data-status=live]");
    expect(await page.locator("[data-testid=chat]").count()).toBe(0);
    // What comes while the notes are on the screen stays unread.
    chat.append(caseId("a"), "En fråga till", { author: "anna", author_name: "Anna Andersson", author_role: "patient" });
    await there("[data-testid=tab-messages] .ap-count:has-text('1')");
    await page.click("[data-testid=back]");
    await there("[data-testid=filters]");
    expect(path()).toBe("/portal/cases");
  });
});
