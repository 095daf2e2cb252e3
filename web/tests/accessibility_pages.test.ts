/** Accessibility and layout of the pages around the meeting: meetings, bookings, the portal, guests. */
import type { Page } from "playwright-core";
import { type State, type Step, check, press } from "./accessibility";
import type { Bench } from "./browser";
import { ELSA, FakeApi, KARL, NOW, session, staff } from "./fake_api";

const shown = "[data-testid=prejoin] video[data-visible=true]";
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

check(
  APP.map(([name, address, answers, step]): State => {
    const attach = async (page: Page): Promise<void> => {
      const api = new FakeApi();
      answers?.(api);
      await api.attach(page);
    };
    return { name, address, attach, step };
  }),
);
