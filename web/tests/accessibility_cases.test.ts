/** Accessibility and layout of the pages of cases, for patients and staff. */
import type { Page } from "playwright-core";
import { type State, type Step, check, press } from "./accessibility";
import { ELSA, FakeApi, KARL, session, staff } from "./fake_api";
import { ARCHIVED_OF_PATIENT, ARCHIVED_OF_UNIT, CLOSED_OF_UNIT, OF_UNIT, caseId, fillChat } from "./fake_cases";
import { FakeChat } from "./fake_chat";

const BUSY = { status: 503, code: "unavailable" };

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

check(
  CASES.map(([name, path, answers, step]): State => {
    const attach = async (page: Page): Promise<void> => {
      const [api, chat] = [new FakeApi(), new FakeChat()];
      answers(api, chat);
      await api.attach(page);
      await chat.attach(page);
    };
    return { name, address: (bench) => bench.casePage(path), attach, step };
  }),
);
