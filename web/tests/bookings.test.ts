/** A patient's bookings, in a real browser over a front that answers as the test says. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Bench, VIEWPORTS, openBench } from "./browser";
import { type Call, ELSA, FakeApi, KARL, NOW, session, staff } from "./fake_api";
import { booking } from "./fake_bookings";

let bench: Bench;
let page: Page;
let api: FakeApi;

beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());
beforeEach(async () => {
  page = await bench.newPage(VIEWPORTS.phone, { reducedMotion: "reduce" });
  api = new FakeApi();
  api.session = session();
  await api.attach(page);
});
afterEach(async () => {
  expect(bench.complaints().filter((text) => !text.startsWith("Failed to load resource"))).toEqual([]);
  await page.context().close();
});

const open = (fragment = ""): Promise<unknown> => page.goto(bench.appPage("bookings", fragment));
const there = (selector: string): Promise<unknown> => page.waitForSelector(selector);
const press = (name: string): Promise<void> => page.click(`[data-testid=${name}]`);
const one = (id: string): string => `[data-booking-id=${id}]`;
const posts = (path: string): Call[] => api.calls.filter((call) => call.method === "POST" && call.path === path);
const focused = (): Promise<string> => page.evaluate(() => document.activeElement?.textContent ?? "");
const problem = (code: string, more: Record<string, unknown> = {}) => ({ status: 409, code, problem: more });

async function times(): Promise<void> {
  await open("#new");
  await page.click("[data-unit='SE1-1001']");
  await page.click("[data-time-type=tt-visit]");
  await there("[data-testid=slot]");
}

describe("the list", () => {
  it("has what is to come in order, with what one may do with each", async () => {
    await open();
    await there(`${one("bk-visit")} [data-testid=move]`);
    expect(await page.locator("[data-testid=booking]").evaluateAll((all) => all.map((card) => (card as HTMLElement).dataset["bookingId"]))).toEqual(["bk-video", "bk-visit", "bk-check"]);
    await there(`${one("bk-visit")}:has-text("fram till onsdag 25 november 13:20")`);
    // An hour before is the limit of the video visit, and it begins in ten minutes.
    await there(`${one("bk-video")} [data-testid=no-change]:has-text("för sent")`);
    expect(await page.getAttribute(`${one("bk-video")} [data-testid=enter]`, "href")).toBe("/meeting/m1");
    await there(`${one("bk-check")} [data-testid=no-change]:has-text("Bara mottagningen") a[href='tel:081234567']`);
    expect(await page.locator(`${one("bk-check")} [data-testid=cancel]`).count()).toBe(0);
    expect(await page.getAttribute(`${one("bk-visit")} [data-testid=calendar]`, "href")).toBe("/api/care/bookings/bk-visit/calendar");
  });

  it("has what is over when it is asked for, with what a missed visit costs", async () => {
    await open();
    await press("show-past");
    await there(`${one("bk-missed")}[data-state=no_show]:has-text("400 kr")`);
    await there(`${one("bk-was")}[data-state=fulfilled]`);
  });

  it("shows times on Swedish clocks, also across the change to summer time", async () => {
    api.bookings.list = [booking("bk-summer", Date.UTC(2027, 2, 28, 6) / 1000), booking("bk-winter", Date.UTC(2027, 2, 27, 6) / 1000)];
    await open();
    await there(`${one("bk-winter")}:has-text("07:00–07:30")`);
    await there(`${one("bk-summer")}:has-text("08:00–08:30")`);
  });

  it("is there without units and meetings", async () => {
    api.refusals.set("GET /api/care/units", { status: 503, code: "unavailable" });
    api.refusals.set("GET /api/meetings", { status: 403, code: "forbidden" });
    await open();
    await there(`${one("bk-visit")} [data-testid=cancel]`);
  });
});

describe("cancelling", () => {
  it("asks first, sends the reason with a key, and says what it costs", async () => {
    api.bookings.fees["bk-visit"] = { kind: "late_cancellation", amount_ore: 10_050, is_excused: false };
    await open();
    await page.click(`${one("bk-visit")} [data-testid=cancel]`);
    expect(posts("/api/care/bookings/bk-visit/cancel")).toEqual([]);
    await press("confirm-cancel");
    await there("[data-testid=said]:has-text('torsdag 26 november 13:20 är avbokad. Avbokningen kostar 100,50 kr.')");
    const [call] = posts("/api/care/bookings/bk-visit/cancel");
    expect(call).toMatchObject({ body: { reason: "patient_asked" }, csrf: "csrf-1" });
    expect(call!.key).toMatch(/^[0-9a-f-]{36}$/);
    expect(await page.locator(`[data-testid=booking]${one("bk-visit")}`).count()).toBe(0);
    await expect.poll(focused).toBe("Mina bokningar");
  });

  it("that comes too late leads to the phone, and tries again with the same key after a fault", async () => {
    const path = "/api/care/bookings/bk-visit/cancel";
    api.refusals.set(`POST ${path}`, { status: 503, code: "unavailable" });
    await open();
    await page.click(`${one("bk-visit")} [data-testid=cancel]`);
    await press("confirm-cancel");
    await there("[data-testid=refusal][data-code=unavailable]");
    api.refusals.set(`POST ${path}`, problem("too_late"));
    await press("confirm-cancel");
    await there("[data-testid=refusal][data-code=too_late]:has-text('08-123 45 67')");
    const keys = posts(path).map((call) => call.key);
    expect(keys).toHaveLength(2);
    expect(new Set(keys).size).toBe(1);
  });
});

describe("booking", () => {
  it("holds the time, shows it once more, and books what is held", async () => {
    await times();
    expect(await page.locator("[data-testid=unit]").count()).toBe(2);
    expect(await page.locator("[data-time-type=tt-check]").count()).toBe(0);
    await page.click("[data-day='2026-11-26']");
    await page.click("[data-testid=slot]:has-text('09:30')");
    await there("[data-testid=confirm]:has-text('reserverad åt dig till 13:25')");
    await expect.poll(focused).toBe("Stämmer det här?");
    await there("[data-testid=confirm]:has-text('26 november, 09:30–10:00')");
    await press("book");
    await there("[data-testid=said]:has-text('Tiden torsdag 26 november 09:30 är bokad.')");
    await there(`[data-testid=booking]${one("bk-new")}`);
    const [call] = posts("/api/care/bookings");
    expect(call!.body).toEqual({ hold_id: "ho-sl-35" });
    expect(call!.key).not.toBeNull();
    // What was booked is not let go.
    expect(api.calls.some((asked) => asked.method === "DELETE")).toBe(false);
  });

  it("gives the time back when another is wanted", async () => {
    await times();
    await press("slot");
    await press("other-time");
    await there("[data-testid=slot]");
    await expect.poll(() => api.bookings.holds.size).toBe(0);
  });

  it("offers the nearest times when somebody else was faster", async () => {
    const starts_at = new Date((NOW + 50 * 3600) * 1000).toISOString();
    api.refusals.set("POST /api/care/holds", problem("slot_taken", { alternatives: [{ slot_id: "sl-20", unit_hsa_id: "SE1-1001", starts_at }] }));
    await times();
    await press("slot");
    await there("[data-testid=taken]");
    await expect.poll(focused).toBe("Tiden hann bli bokad av någon annan");
    api.refusals.clear();
    await page.click("[data-testid=alternative]:has-text('onsdag 25 november 15:20')");
    await there("[data-testid=confirm]");
    expect(posts("/api/care/holds").at(-1)!.body).toEqual({ slot_id: "sl-20" });
  });

  it("goes back to the times when the hold has run out", async () => {
    await times();
    await press("slot");
    api.refusals.set("POST /api/care/bookings", problem("hold_expired"));
    await press("book");
    await there("[data-testid=find-time] [data-testid=refusal][data-code=hold_expired]");
  });

  it("says in words what the page cannot do, with the unit's phone", async () => {
    await open("#new");
    await page.click("[data-unit='SE1-1003']");
    await page.click("[data-time-type=tt-covid]");
    await there("[data-testid=needs-form] a[href='tel:0846500440']");
    await press("slot");
    api.refusals.set("POST /api/care/bookings", problem("declaration_missing"));
    await press("book");
    await there("[data-testid=refusal][data-code=declaration_missing]:has-text('08-465 004 40')");
  });
});

describe("moving", () => {
  it("leaves the old time until the new one is taken", async () => {
    await open();
    await page.click(`${one("bk-visit")} [data-testid=move]`);
    await page.click("[data-day='2026-11-30']");
    await press("slot");
    await there("[data-testid=dialog-move][open]:has-text('måndag 30 november 08:00')");
    const path = "/api/care/bookings/bk-visit/rebook";
    api.refusals.set(`POST ${path}`, problem("slot_taken", { alternatives: [] }));
    await press("confirm-move");
    await expect.poll(focused).toBe("Tiden hann bli bokad av någon annan");
    api.refusals.clear();
    await page.click("[data-day='2026-11-30']");
    await page.click("[data-testid=slot] >> nth=1");
    await press("confirm-move");
    await there("[data-testid=said]:has-text('flyttat till måndag 30 november 08:30')");
    expect(posts(path).at(-1)!.body).toEqual({ slot_id: "sl-97" });
    await page.goBack();
    await there("[data-testid=move-booking]");
  });
});

describe("who may", () => {
  it("a proxy who may book sees and books for the other, one who may not is told so", async () => {
    api.session = session({ proxies: [ELSA], acting_for: ELSA });
    await times();
    await there("h1:has-text('Boka en tid åt Elsa Andersson')");
    api.session = session({ proxies: [KARL], acting_for: KARL });
    const before = api.calls.length;
    await open();
    await page.reload();
    await there("[data-state=barred]");
    expect(api.calls.slice(before).some(({ path }) => path.startsWith("/api/care/bookings"))).toBe(false);
  });

  it("staff are led to the portal, and who is not logged in to the login and back", async () => {
    api.session = staff();
    await open();
    await there("[data-state=staff]");
    api.session = null;
    await page.reload();
    expect(await page.getAttribute("[data-testid=login-patient]", "href")).toContain("bookings");
  });
});
