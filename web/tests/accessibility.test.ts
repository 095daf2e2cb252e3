/** axe-core (WCAG 2.1 A and AA, best practices) over every page and dialog, in both languages and three sizes. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bench, VIEWPORTS, openBench, unsignedToken } from "./browser";
import { ELSA, FakeApi, KARL, NOW, session, staff } from "./fake_api";
import { ARCHIVED_OF_PATIENT, ARCHIVED_OF_UNIT, CLOSED_OF_UNIT, OF_UNIT, caseId, fillChat } from "./fake_cases";
import { FakeChat } from "./fake_chat";

let bench: Bench;
let axeSource: string;

beforeAll(async () => {
  bench = await openBench("accessibility");
  axeSource = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
});
afterAll(() => bench.close());

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  const results = (await page.evaluate(`axe.run(document, { resultTypes: ["violations"] })`)) as AxeResults;
  return results.violations.map((found) => `${found.id}: ${found.nodes.map((node) => node.html).join(" | ")}`);
}

/** Nothing wider than the window, no button or select too small for a finger (WCAG 1.4.10, 2.5.5). */
async function layoutFaults(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const faults: string[] = [];
    if (document.documentElement.scrollWidth > innerWidth) faults.push(`page is ${document.documentElement.scrollWidth} px wide`);
    for (const element of document.querySelectorAll<HTMLElement>("button, select")) {
      const { width, height } = element.getBoundingClientRect();
      if (width > 0 && (width < 44 || height < 44)) faults.push(`${element.outerHTML.slice(0, 80)} is ${width} x ${height}`);
    }
    return faults;
  });
}

const token = unsignedToken();
const shown = "[data-testid=prejoin] video[data-visible=true]";
type Step = (page: Page) => Promise<unknown>;
const press = (name: string): Step => (page) => page.click(`[data-testid=${name}]`);

const dialog = (name: string): Step => (page) => page.waitForSelector(`[data-testid=dialog-${name}][open]`);
const BUSY = { status: 503, code: "unavailable" };
const USED = { status: 409, code: "link_used" };
const EARLY = { status: 409, code: "not_open" };

async function newLink(page: Page): Promise<void> {
  await page.click("[data-testid=invite]");
  await page.click("[data-testid=link-create]");
  await page.waitForSelector("[data-testid=new-link]");
}

const TAKEN = {
  status: 409,
  code: "slot_taken",
  problem: { alternatives: [{ slot_id: "sl-20", unit_hsa_id: "SE1-1001", starts_at: new Date((NOW + 50 * 3600) * 1000).toISOString() }] },
};

async function findTimes(page: Page): Promise<void> {
  await page.click("[data-unit='SE1-1001']");
  await page.click("[data-time-type=tt-visit]");
  await page.waitForSelector("[data-testid=slot]");
}

async function guestEnters(page: Page): Promise<void> {
  await page.fill("[data-testid=guest-name]", "Bo Berg");
  await page.click("[data-testid=guest-continue]");
  await page.waitForSelector("[data-testid=notice]");
}

const PAGES: [name: string, address: (bench: Bench, language: string) => string, step?: Step][] = [
  ["check before the meeting", (at, language) => at.meetingPage(`#lang=${language}&token=${token}`), (page) => page.waitForSelector(shown)],
  ["no token", (at, language) => at.meetingPage(`#lang=${language}`)],
  ["conversation of two", (at, language) => at.demoPage(`people=2&lang=${language}`)],
  ["nine people", (at, language) => at.demoPage(`people=9&lang=${language}`)],
  ["thirty people", (at, language) => at.demoPage(`people=30&lang=${language}`)],
  ["shared screen", (at, language) => at.demoPage(`people=3&screen=1&lang=${language}`)],
  ["alone, muted, reconnecting", (at, language) => at.demoPage(`people=1&muted=1&state=reconnecting&lang=${language}`)],
  ["people", (at, language) => at.demoPage(`people=6&lang=${language}`), press("toggle-people")],
  ["chat", (at, language) => at.demoPage(`people=2&chat=1&lang=${language}`), press("toggle-chat")],
  ["chat that is off, as a host", (at, language) => at.demoPage(`people=2&waiting=1&chat=1&lang=${language}`), (page) => page.click("[data-testid=toggle-chat]").then(() => page.click("[data-testid=participants-chat]"))],
  ["chat that is off, as a participant", (at, language) => at.demoPage(`people=2&chat=1&off=1&lang=${language}`), (page) => page.click("[data-testid=toggle-chat]").then(() => page.waitForSelector("[data-testid=chat-closed]"))],
  ["conversation of a case", (at, language) => at.demoPage(`screen-name=case&lang=${language}`), (page) => page.click("[data-testid=message-options]")],
  ["settings", (at, language) => at.demoPage(`people=3&lang=${language}`), press("open-settings")],
  ["waiting room", (at, language) => at.demoPage(`screen-name=waiting&muted=1&before=2&estimate=240&lang=${language}`)],
  ["waiting room, reconnecting", (at, language) => at.demoPage(`screen-name=waiting&muted=1&state=reconnecting&lang=${language}`)],
  ["host, three wait", (at, language) => at.demoPage(`people=3&waiting=3&lang=${language}`)],
  ["host, all who wait", (at, language) => at.demoPage(`people=3&waiting=3&lang=${language}`), press("toggle-people")],
  ["host turns away", (at, language) => at.demoPage(`people=3&waiting=1&lang=${language}`), press("deny")],
  ["help", (at, language) => at.demoPage(`people=3&lang=${language}`), press("open-help")],
];

/** Pages that ask the front, with what it answers. */
const APP: [name: string, address: (bench: Bench) => string, answers?: (api: FakeApi) => void, step?: Step][] = [
  ["front page", (at) => at.appPage("index")],
  ["own meetings", (at) => at.appPage("index"), (api) => (api.session = session({ proxies: [ELSA, KARL] }))],
  ["meetings as a proxy", (at) => at.appPage("index"), (api) => (api.session = session({ proxies: [ELSA], acting_for: ELSA }))],
  ["no meetings", (at) => at.appPage("index"), (api) => Object.assign(api, { session: session(), meetings: [] })],
  ["meetings that fail", (at) => at.appPage("index"), (api) => void (api.session = session(), api.refusals.set("GET /api/meetings", BUSY))],
  ["session menu", (at) => at.appPage("portal"), (api) => (api.session = staff()), press("session-menu")],
  ["session that ends soon", (at) => at.appPage("index"), (api) => (api.session = session({ expires_at: NOW + 60 })), dialog("timeout")],
  ["notifications", (at) => at.appPage("notices"), (api) => (api.session = session()), (page) => page.click("[data-testid=place-sms] [data-testid=place-change]")],
  ["notifications, logged out", (at) => at.appPage("notices")],
  ["bookings, logged out", (at) => at.appPage("bookings")],
  ["bookings", (at) => at.appPage("bookings"), (api) => (api.session = session({ proxies: [ELSA, KARL] })), (page) => page.click("[data-testid=show-past]")],
  ["bookings as a proxy without the right", (at) => at.appPage("bookings"), (api) => (api.session = session({ proxies: [KARL], acting_for: KARL }))],
  ["no bookings", (at) => at.appPage("bookings"), (api) => void ((api.session = session()), (api.bookings.list = []))],
  ["bookings that fail", (at) => at.appPage("bookings"), (api) => void (api.session = session(), api.refusals.set("GET /api/care/bookings", BUSY))],
  ["booking to be cancelled", (at) => at.appPage("bookings"), (api) => (api.session = session()), press("cancel")],
  ["free times", (at) => at.appPage("bookings", "#new"), (api) => (api.session = session()), findTimes],
  ["time that is taken", (at) => at.appPage("bookings", "#new"), (api) => void (api.session = session(), api.refusals.set("POST /api/care/holds", TAKEN)), async (page) => (await findTimes(page), await page.click("[data-testid=slot]"), page.waitForSelector("[data-testid=alternative]"))],
  ["time that needs a form", (at) => at.appPage("bookings", "#new"), (api) => (api.session = session()), (page) => page.click("[data-unit='SE1-1003']").then(() => page.click("[data-testid=time-type]")).then(() => page.waitForSelector("[data-testid=needs-form]"))],
  ["booking to be confirmed", (at) => at.appPage("bookings", "#new"), (api) => (api.session = session({ proxies: [ELSA], acting_for: ELSA })), async (page) => (await findTimes(page), await page.click("[data-testid=slot]"), page.waitForSelector("[data-testid=confirm]"))],
  ["booking to be moved", (at) => at.appPage("bookings", "#move=bk-visit"), (api) => (api.session = session()), press("slot")],
  ["portal, logged out", (at) => at.appPage("portal")],
  ["choice of commission", (at) => at.appPage("portal"), (api) => (api.session = staff({ commission: null }))],
  ["unit's meetings", (at) => at.appPage("portal"), (api) => (api.session = staff())],
  ["links", (at) => at.appPage("portal"), (api) => (api.session = staff()), press("invite")],
  ["new link", (at) => at.appPage("portal"), (api) => (api.session = staff()), newLink],
  ["guest", (at) => at.appPage("guest", "#link=x")],
  ["guest without a name", (at) => at.appPage("guest", "#link=x"), undefined, press("guest-continue")],
  ["guest with a used link", (at) => at.appPage("guest", "#link=x"), (api) => api.refusals.set("POST /api/guest", USED), guestEnters],
  ["meeting, logged out", (at) => at.sessionMeetingPage("m1")],
  ["meeting too early", (at) => at.sessionMeetingPage("m1"), (api) => void (api.session = session(), api.refusals.set("POST /api/meetings/m1/token", EARLY))],
  ["check as a proxy", (at) => at.sessionMeetingPage("m1"), (api) => (api.session = session({ acting_for: ELSA })), (page) => page.waitForSelector(shown)],
];

const patients = (change = {}) => (api: FakeApi, chat: FakeChat): void => {
  api.session = session(change);
  fillChat(chat, "patient");
};
const units = (api: FakeApi, chat: FakeChat): void => {
  api.session = staff();
  api.cases = [...OF_UNIT, ...CLOSED_OF_UNIT];
  fillChat(chat, "staff");
};
const live: Step = (page) => page.waitForSelector("[data-testid=chat][data-status=live]");
/** One press after the other, in a conversation that is there. */
const then = (...names: string[]): Step => async (page) => {
  await live(page);
  for (const name of names) await page.click(`[data-testid=${name}]`);
};
const search: Step = async (page) => {
  await then("toggle-search")(page);
  await page.fill("[data-testid=search-text]", "tack");
  await page.click("[data-testid=search-go]");
  await page.click("[data-testid=search-hit]");
  await page.waitForSelector("[data-found=true]");
};
const notes: Step = async (page) => {
  await live(page);
  if (await page.locator("[data-testid=tab-notes]").count()) await page.click("[data-testid=tab-notes]");
  await page.waitForSelector("[data-testid=notes][data-status=live]");
};

const archived = (as: "patient" | "staff") => (api: FakeApi, chat: FakeChat): void => {
  (as === "staff" ? units : patients())(api, chat);
  api.cases = [...api.cases, as === "staff" ? ARCHIVED_OF_UNIT : ARCHIVED_OF_PATIENT];
};
const archive: Step = (page) => page.waitForSelector("[data-testid=transcript] [data-testid=message]");

/** The pages of cases, with a conversation where there is one. */
const CASES: [name: string, path: string, answers: (api: FakeApi, chat: FakeChat) => void, step?: Step][] = [
  ["cases, logged out", "/cases", () => undefined],
  ["my cases", "/cases", patients(), press("show-closed")],
  ["cases as a proxy", "/cases", patients({ proxies: [ELSA, KARL], acting_for: ELSA })],
  ["cases as a proxy without the right", "/cases", patients({ proxies: [KARL], acting_for: KARL })],
  ["no cases", "/cases", (api, chat) => void (patients()(api, chat), (api.cases = []))],
  ["cases that fail", "/cases", (api, chat) => void (patients()(api, chat), api.refusals.set("GET /api/cases", BUSY))],
  ["new case", "/cases/new", patients(), (page) => page.click("[data-testid=unit] >> nth=1")],
  ["new case with faults", "/cases/new", patients(), press("send-case")],
  ["new case as a proxy", "/cases/new", patients({ proxies: [ELSA], acting_for: ELSA })],
  ["case", `/cases/${caseId("a")}`, patients(), live],
  ["case as a proxy", `/cases/${caseId("a")}`, patients({ proxies: [ELSA], acting_for: ELSA }), live],
  ["case, searched", `/cases/${caseId("a")}`, patients(), search],
  ["closed case", `/cases/${caseId("d")}`, patients(), live],
  ["archived case", `/cases/${caseId("h")}`, archived("patient"), archive],
  ["case that is not there", `/cases/${caseId("q")}`, patients({ proxies: [ELSA] }), (page) => page.waitForSelector("[data-code=not_found]")],
  ["unit's new case", "/portal/cases/new", units, async (page) => {
    await page.fill("[data-testid=patient-number]", "19900101-2384");
    await page.click("[data-testid=find-patient]");
    await page.click("[data-testid=send-case]");
    await page.waitForSelector("[data-testid=subject][aria-invalid=true]");
  }],
  ["unit's channel", "/portal/channel", units, live],
  ["unit's details", "/portal/unit", (api) => (api.session = staff({ roles: ["unit_admin"] })), (page) => page.fill("[data-testid=unit-day-1]", "?").then(() => page.click("[data-testid=unit-save]"))],
  ["inbox, logged out", "/portal/cases", () => undefined],
  ["inbox", "/portal/cases", units, (page) => page.waitForSelector("[data-testid=case]")],
  ["unit's case", `/portal/cases/${caseId("a")}`, units, live],
  ["unit's case, not taken", `/portal/cases/${caseId("b")}`, units, live],
  ["unit's closed case", `/portal/cases/${caseId("d")}`, units, live],
  ["unit's archived case", `/portal/cases/${caseId("h")}`, archived("staff"), async (page) => (await page.click("[data-testid=archived-notes]"), archive(page))],
  ["internal notes", `/portal/cases/${caseId("a")}`, units, notes],
  ["unit's case, searched", `/portal/cases/${caseId("a")}`, units, search],
  ["case to be closed", `/portal/cases/${caseId("a")}`, units, then("close-case")],
  ["case to be passed on", `/portal/cases/${caseId("a")}`, units, then("give")],
];
const LOOKS = [
  ["sv", "desktop"],
  ["sv", "narrow"],
  ["en", "phone"],
] as const;

describe.each(LOOKS)("in %s on a %s screen", (language, size) => {
  let page: Page;
  beforeAll(async () => {
    // Reduced motion: colours are measured at rest.
    page = await bench.newPage(VIEWPORTS[size], { reducedMotion: "reduce" });
    await page.addInitScript((chosen) => {
      if (location.protocol === "http:") localStorage.setItem("alltid-oppet:preference:language", chosen);
    }, language);
  });
  afterAll(() => page.context().close());

  async function check(address: string, step?: Step): Promise<void> {
    await page.goto("about:blank");
    await page.goto(address);
    await page.waitForSelector("h1, h2");
    await step?.(page);
    // What axe looks at does not differ between the small screens.
    if (size !== "narrow") expect(await violations(page)).toEqual([]);
    expect(await layoutFaults(page)).toEqual([]);
    expect(bench.complaints().filter((text) => !text.startsWith("Failed to load resource"))).toEqual([]);
  }

  it.each(PAGES)("%s has no accessibility or layout faults", (_name, address, step) => check(address(bench, language), step));

  it.each(APP)("%s has no accessibility or layout faults", async (_name, address, answers, step) => {
    const api = new FakeApi();
    answers?.(api);
    await api.attach(page);
    await check(address(bench), step);
  });

  it.each(CASES)("%s has no accessibility or layout faults", async (_name, path, answers, step) => {
    const [api, chat] = [new FakeApi(), new FakeChat()];
    answers(api, chat);
    await api.attach(page);
    await chat.attach(page);
    await check(bench.casePage(path), step);
  });
});
