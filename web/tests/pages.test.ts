/** The pages around the meeting in a real browser, over a front that answers as the test says. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Bench, VIEWPORTS, later, openBench } from "./browser";
import { COMMISSIONS, ELSA, FakeApi, KARL, MEETINGS, NOW, meeting, session, staff } from "./fake_api";

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
  await api.attach(page);
});
afterEach(async () => {
  // A refused request is what some of these tests are about; the browser says so by itself.
  expect(bench.complaints().filter((text) => !text.startsWith("Failed to load resource"))).toEqual([]);
  await page.context().close();
});

const state = (name: string): Promise<unknown> => page.waitForSelector(`[data-testid=page][data-state=${name}]`);
const calls = (method: string): string[] => api.calls.filter((call) => call.method === method).map((call) => call.path);
const focused = (): Promise<string | null> => page.evaluate(() => document.activeElement?.textContent ?? null);

describe("the patient's home", () => {
  it("leads somebody who is not logged in to the login, and back", async () => {
    await page.goto(bench.appPage("index"));
    await state("out");
    expect(await page.getAttribute("[data-testid=login-patient]", "href")).toBe("/login/patient?return_to=%2F");
    expect(await page.title()).toBe("Mina möten – Alltid öppet");
  });

  it("shows the next meeting with an open door, and the later ones", async () => {
    api.session = session();
    await page.goto(bench.appPage("index"));
    await page.waitForSelector("h1:text('Hej Anna!')");
    await page.waitForSelector(".ap-next :text('13:30–14:00')");
    expect(await page.getAttribute("[data-testid=enter]", "href")).toBe("/meeting/m1");
    expect(await page.locator("[data-testid=meeting]").count()).toBe(MEETINGS.length);
    expect(await page.locator("[href^='/meeting/']").count()).toBe(1);
  });

  it("says when the door opens, and opens it then without a reload", async () => {
    api.session = session();
    api.meetings = [meeting("m9", { starts_at: NOW + 1200 })];
    await page.clock.install({ time: NOW * 1000 });
    await page.goto(bench.appPage("index"));
    await page.waitForSelector("text=Dörren öppnar klockan 13:25");
    await later(page, 6 * 60_000);
    await page.waitForSelector("[data-testid=enter]");
  });

  it("switches to somebody one is a proxy for and back, with a banner on the screen", async () => {
    api.session = session({ proxies: [ELSA, KARL] });
    await page.goto(bench.appPage("index"));
    await page.click("[data-subject=p-elsa]");
    await page.waitForSelector("[data-testid=proxy-banner] :text('Elsa Andersson')");
    await page.waitForSelector("h1:text('Möten för Elsa Andersson')");
    await page.waitForSelector("[data-testid=my-meetings][data-loaded=here]");
    expect(api.calls.find((call) => call.path === "/api/session/proxy")).toMatchObject({
      body: { subject: "p-elsa" },
      csrf: "csrf-1",
    });
    expect(calls("GET").filter((path) => path === "/api/meetings")).toHaveLength(2);
    await page.click("[data-testid=proxy-end]");
    await page.waitForSelector("[data-testid=proxy-banner]", { state: "detached" });
    const switches = api.calls.filter((call) => call.path === "/api/session/proxy");
    expect(switches.at(-1)).toMatchObject({ body: { subject: null }, csrf: "csrf-2" });
  });

  it("logs out, says so, and tells the browser's other tabs", async () => {
    api.session = session();
    const other = await page.context().newPage();
    await other.goto(bench.appPage("index"));
    await other.waitForSelector("h1:text('Hej Anna!')");
    await page.context().route(/\/$/, async (route) => route.fulfill({ response: await route.fetch({ url: bench.appPage("index") }) }));
    await page.goto(bench.appPage("index"));
    await page.click("[data-testid=session-menu]");
    await page.click("[data-testid=logout]");
    await page.waitForSelector("[data-testid=ended][data-reason=logout]");
    await other.waitForSelector("[data-testid=ended][data-reason=ended]");
    expect(calls("DELETE")).toEqual(["/api/session"]);
  });

  it("says what is wrong, and tries again when asked", async () => {
    api.session = session();
    api.refusals.set("GET /api/meetings", { status: 503, code: "unavailable" });
    await page.goto(bench.appPage("index"));
    await page.waitForSelector("[data-testid=notice][data-code=unavailable]");
    api.refusals.clear();
    await page.click("[data-testid=notice] button");
    await page.waitForSelector("[data-testid=enter]");
  });

  it("asks before the session ends for want of use, and keeps it when told", async () => {
    api.session = session({ expires_at: NOW + 600 });
    await page.clock.install({ time: NOW * 1000 });
    await page.goto(bench.appPage("index"));
    await page.waitForSelector("[data-testid=enter]");
    await later(page, 481_000);
    await page.waitForSelector("[data-testid=dialog-timeout][open]");
    api.session = session({ expires_at: NOW + 1200 });
    await page.click("[data-testid=stay]");
    await page.waitForSelector("[data-testid=dialog-timeout]:not([open])", { state: "attached" });
    api.session = null;
    await later(page, 730_000);
    await page.waitForSelector("[data-testid=ended][data-reason=ended]");
  });
});

describe("the session menu", () => {
  it("opens by keyboard, closes by Escape, and gives the focus back", async () => {
    api.session = session();
    await page.goto(bench.appPage("index"));
    await page.focus("[data-testid=session-menu]");
    await page.keyboard.press("Enter");
    await page.waitForSelector("[data-testid=session-panel]:visible");
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Aviseringar");
    await page.keyboard.press("Escape");
    await page.waitForSelector("[data-testid=session-panel]", { state: "hidden" });
    expect(await page.evaluate(() => document.activeElement?.getAttribute("data-testid"))).toBe("session-menu");
  });

  it("closes when the focus goes on", async () => {
    api.session = session();
    await page.goto(bench.appPage("index"));
    await page.click("[data-testid=session-menu]");
    await page.focus("[data-testid=logout]");
    await page.keyboard.press("Tab");
    await page.waitForSelector("[data-testid=session-panel]", { state: "hidden" });
  });
});

describe("the staff portal", () => {
  it("asks for a commission first, and shows the unit's meetings then", async () => {
    api.session = staff({ commission: null });
    await page.goto(bench.appPage("portal"));
    await state("choose");
    expect(await page.locator("[data-testid=commission]").count()).toBe(3);
    await page.click(`[data-id=${COMMISSIONS[1]!.commission_hsa_id}]`);
    await page.waitForSelector(`[data-testid=commission-name]:text("${COMMISSIONS[1]!.name}")`);
    await page.waitForSelector("[data-meeting-id=m1][data-waiting='1']");
    expect(await page.getAttribute("[data-meeting-id=m1] [data-testid=open]", "href")).toBe("/meeting/m1");
  });

  it("makes a link, copies it, and takes it back", async () => {
    api.session = staff();
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.goto(bench.appPage("portal"));
    await page.click("[data-meeting-id=m1] [data-testid=invite]");
    await page.check("[data-testid=link-role-interpreter]");
    await page.fill("[data-testid=link-label]", " Tolk på arabiska ");
    await page.click("[data-testid=link-create]");
    const url = await page.inputValue("[data-testid=link-url]");
    expect(url).toContain("/guest#link=");
    expect(api.calls.find((call) => call.method === "POST")).toMatchObject({
      path: "/api/meetings/m1/links",
      body: { role: "interpreter", label: "Tolk på arabiska" },
      csrf: "csrf-1",
    });
    await page.click("[data-testid=link-copy]");
    await page.waitForSelector("[data-testid=copied][data-copied=yes]");
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(url);
    await page.click("[data-testid=link][data-state=unused] [data-testid=link-revoke]");
    await page.waitForSelector("[data-testid=new-link]", { state: "detached" });
    expect(calls("DELETE")).toEqual(["/api/meetings/m1/links/l3"]);
  });

  it("tells a patient, and staff without a commission, that it is not for them", async () => {
    api.session = session();
    await page.goto(bench.appPage("portal"));
    await state("patient");
    api.session = staff({ commission: null, commissions: [] });
    await page.reload();
    await state("none");
  });
});

describe("a guest", () => {
  it("gives a name, and comes to the check before the waiting room; a reload asks nothing again", async () => {
    await page.goto(bench.appPage("guest", "#link=secret"));
    await page.click("[data-testid=guest-continue]");
    await page.waitForSelector("[role=alert]:text('Skriv ditt namn.')");
    expect(await page.getAttribute("[data-testid=guest-name]", "aria-invalid")).toBe("true");
    await page.fill("[data-testid=guest-name]", " Bo Berg ");
    await page.keyboard.press("Enter");
    await page.waitForSelector("[data-testid=prejoin] [data-testid=join]:text('Gå till väntrummet')");
    expect(api.calls.at(-1)!.body).toEqual({ link: "secret", display_name: "Bo Berg" });
    await page.reload();
    await page.waitForSelector("[data-testid=prejoin] [data-testid=own-name]");
    expect(calls("POST")).toEqual(["/api/guest", "/api/guest"]);
  });

  it("whose link is used up is told so, without a way to try again", async () => {
    api.refusals.set("POST /api/guest", { status: 409, code: "link_used" });
    await page.goto(bench.appPage("guest", "#link=secret&lang=en"));
    await page.fill("[data-testid=guest-name]", "Bo");
    await page.click("[data-testid=guest-continue]");
    await page.waitForSelector("[data-testid=notice][data-code=link_used] :text('has been used already')");
    expect(await page.locator("[data-testid=notice] button").count()).toBe(0);
  });

  it("without a link is told where to find it", async () => {
    await page.goto(bench.appPage("guest"));
    await state("no_link");
    expect(await focused()).toBe("Länken är inte hel");
  });
});

describe("a meeting's page", () => {
  it("asks for a login first, and comes back to the meeting", async () => {
    await page.goto(bench.sessionMeetingPage("m1"));
    await state("out");
    expect(await page.getAttribute("[data-testid=login-patient]", "href")).toBe("/login/patient?return_to=%2Fmeeting%2Fm1");
  });

  it("goes straight to the check with the session's right, and says for whom one is there", async () => {
    api.session = session({ proxies: [ELSA], acting_for: ELSA });
    await page.goto(bench.sessionMeetingPage("m1"));
    await page.waitForSelector("[data-testid=prejoin]");
    await page.waitForSelector("[data-testid=acting-for] :text('Du är ombud för Elsa Andersson')");
    expect(api.calls.at(-1)).toMatchObject({ method: "POST", path: "/api/meetings/m1/token", csrf: "csrf-1" });
  });

  it("opens by itself when one came too early", async () => {
    api.session = session();
    api.refusals.set("POST /api/meetings/m1/token", { status: 409, code: "not_open" });
    await page.clock.install({ time: NOW * 1000 });
    await page.goto(bench.sessionMeetingPage("m1"));
    await state("early");
    api.refusals.clear();
    await later(page, 16_000);
    await page.waitForSelector("[data-testid=prejoin]");
  });

  it("of somebody else says so", async () => {
    api.session = session();
    api.refusals.set("POST /api/meetings/m1/token", { status: 404, code: "not_found" });
    await page.goto(bench.sessionMeetingPage("m1"));
    await page.waitForSelector("[data-testid=notice][data-code=not_found]");
    expect(await page.getAttribute("[data-testid=notice] a", "href")).toBe("/");
  });
});
