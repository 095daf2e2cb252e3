/** The unit's channel and the unit's details in a real browser, over a front and a socket that answer as the test says. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Bench, VIEWPORTS, openBench } from "./browser";
import { FakeApi, session, staff } from "./fake_api";
import { fillChat } from "./fake_cases";
import { FakeChat } from "./fake_chat";

let bench: Bench;
let page: Page;
let api: FakeApi;
let chat: FakeChat;

beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());
beforeEach(async () => {
  page = await bench.newPage(VIEWPORTS.desktop, { reducedMotion: "reduce" });
  api = new FakeApi();
  chat = new FakeChat();
  api.session = staff();
  fillChat(chat, "staff");
  await api.attach(page);
  await chat.attach(page);
});
afterEach(async () => {
  expect(bench.complaints().filter((text) => !text.startsWith("Failed to load resource"))).toEqual([]);
  await page.context().close();
});

const open = (name: "channel" | "unit"): Promise<unknown> => page.goto(bench.appPage(name));
const there = (selector: string): Promise<unknown> => page.waitForSelector(selector);
const live = (): Promise<unknown> => there("[data-testid=chat][data-status=live]");

describe("the unit's channel", () => {
  it("carries what colleagues write to each other, and says who is there", async () => {
    await open("channel");
    await live();
    await page.fill("[data-testid=chat-text]", "Läkaren är sjuk i dag.");
    await page.keyboard.press("Control+Enter");
    await there("[data-testid=message][data-own=true]:has-text('Läkaren är sjuk i dag.')");
    expect(chat.asked.find((one) => one.name === "chat_send")!.payload["conversation_id"]).toBe("staff-unit");
    chat.append("staff-unit", "Då tar jag mottagningen.", { author: "johan", author_name: "Johan Berg", author_role: "staff" });
    await there("[data-testid=message][data-own=false]:has-text('Då tar jag mottagningen.')");
    chat.tell("chat_presence", { conversation_id: "staff-unit", people: ["me", "johan"] });
    await there("[data-testid=present]:has-text('Johan Berg')");
    expect(await page.locator("[data-testid=chat-file]").count()).toBe(0);
  });

  it("is on every staff page's menu, and no patient's", async () => {
    await page.goto(bench.appPage("portal"));
    await there("[data-testid=nav-channel][href='/portal/channel']");
    api.session = session();
    await open("channel");
    await there("[data-state=patient]");
    expect(await page.locator("[data-testid=channel]").count()).toBe(0);
  });

  it("waits for the choice of a commission", async () => {
    api.session = staff({ commission: null });
    await open("channel");
    await there("[data-state=choose]");
    await page.click("[data-testid=commission] >> nth=0");
    await live();
  });
});

describe("the unit's details", () => {
  beforeEach(() => {
    api.session = staff({ roles: ["staff", "unit_admin"] });
  });

  it("begin with what is usual, and are saved as they stand", async () => {
    await open("unit");
    expect(await page.inputValue("[data-testid=unit-day-0]")).toBe("08:00–17:00");
    await page.fill("[data-testid=unit-day-4]", "8-12, 13-15.30");
    await page.fill("[data-testid=unit-promise]", "1,5");
    await page.fill("[data-testid=unit-phone]", "08-123 456 78");
    await page.uncheck("[data-testid=unit-holidays]");
    await page.click("[data-testid=unit-save]");
    await there("[data-testid=unit-settings][data-state=saved]");
    const day = [{ opens: "08:00", closes: "17:00" }];
    const friday = [{ opens: "08:00", closes: "12:00" }, { opens: "13:00", closes: "15:30" }];
    expect(api.calls.findLast((call) => call.method === "PUT")!).toMatchObject({
      path: "/api/units/SE2321000131-V1/SE2321000131-U1",
      body: { phone: "08-123 456 78", promised_answer_open_s: 5400, hours: { weekly: [day, day, day, day, friday, [], []], is_closed_on_holidays: false } },
    });
  });

  it("say where they are wrong, before and after they are sent", async () => {
    await open("unit");
    await page.fill("[data-testid=unit-day-1]", "dygnet runt");
    await page.click("[data-testid=unit-save]");
    await there("[data-testid=unit-day-1][aria-invalid=true]:focus");
    expect(api.calls.some((call) => call.method === "PUT")).toBe(false);
    await page.fill("[data-testid=unit-day-1]", "");
    await page.fill("[data-testid=unit-notice_name]", "Psykiatrin");
    const put = api.calls.find((call) => call.path.endsWith("/settings"))!.path.replace("/settings", "");
    api.refusals.set(`PUT ${put}`, { status: 400, code: "invalid_request", field: "notice_name" });
    await page.click("[data-testid=unit-save]");
    await there("[data-testid=unit-notice_name][aria-invalid=true]:focus");
    await there("text=Namnet säger något om vården");
  });

  it("are for who runs the unit alone", async () => {
    await page.goto(bench.appPage("portal"));
    await page.click("[data-testid=session-menu]");
    await there("[data-testid=to-unit]");
    api.session = staff();
    await open("unit");
    await there("[data-testid=notice]");
    expect(await page.locator("[data-testid=unit-save]").count()).toBe(0);
    await page.click("[data-testid=session-menu]");
    expect(await page.locator("[data-testid=to-unit]").count()).toBe(0);
  });
});
