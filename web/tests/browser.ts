/** A real Chromium over the built pages, for the tests that need layout, focus and colours. */
import { type Browser, type BrowserContextOptions, type Page, chromium } from "playwright-core";
import { inject } from "vitest";

/** For what never comes. A machine that runs tests stands still for seconds now and then; nothing here depends on how fast it is. */
const PATIENCE_MS = 90_000;

export interface Viewport {
  width: number;
  height: number;
}

export const VIEWPORTS = {
  desktop: { width: 1280, height: 800 },
  phone: { width: 390, height: 844 },
  narrow: { width: 320, height: 640 },
} as const satisfies Record<string, Viewport>;

export interface Bench {
  meetingPage: (fragment: string) => string;
  demoPage: (query: string) => string;
  /** One of the app's pages: "index", "portal", "guest", with a fragment. */
  appPage: (name: string, fragment?: string) => string;
  /** `/cases/...` or `/portal/cases/...`, as the front serves them. */
  casePage: (path: string) => string;
  /** `/meeting/{id}`, as the front serves it. */
  sessionMeetingPage: (id: string) => string;
  newPage: (viewport?: Viewport, options?: BrowserContextOptions) => Promise<Page>;
  /** What went wrong in any page since the last call: errors, warnings, broken promises. */
  complaints: () => string[];
  close: () => Promise<void>;
}

/** Starts Chromium, for the pages that `site.ts` serves. */
export async function openBench(): Promise<Bench> {
  const origin = inject("origin");
  const browser: Browser = await chromium.launch({
    executablePath: process.env["ALLTID_CHROMIUM"] ?? "/usr/bin/chromium",
    timeout: PATIENCE_MS,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
    ],
  });
  let complaints: string[] = [];
  return {
    appPage: (name, fragment = "") => `${origin}/app/${name}.html${fragment}`,
    casePage: (path) => `${origin}${path}`,
    sessionMeetingPage: (id) => `${origin}/meeting/${id}`,
    meetingPage: (fragment) => `${origin}/app/meeting.html${fragment}`,
    demoPage: (query) => `${origin}/dev/demo.html?${query}`,
    newPage: async (viewport = VIEWPORTS.desktop, options = {}) => {
      const context = await browser.newContext({ viewport, locale: "sv-SE", ...options });
      // As the front does: one file for every meeting.
      await context.route(/\/meeting\/[^/]+$/, async (route) =>
        route.fulfill({ response: await route.fetch({ url: `${origin}/app/meeting.html` }) }),
      );
      for (const [path, file] of [[/\/\/[^/]+\/cases(\/[^/]*)?$/, "cases"], [/\/portal\/cases(\/[^/]*)?$/, "inbox"], [/\/portal\/channel$/, "channel"], [/\/portal\/unit$/, "unit"]] as const) {
        await context.route(path, async (route) => route.fulfill({ response: await route.fetch({ url: `${origin}/app/${file}.html` }) }));
      }
      context.setDefaultTimeout(PATIENCE_MS);
      const page = await context.newPage();
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) complaints.push(message.text());
      });
      return page;
    },
    complaints: () => {
      const heard = complaints;
      complaints = [];
      return heard;
    },
    close: () => browser.close(),
  };
}

/** Later: once what the page shows has taken effect (its timers are set after the next frame). */
export async function later(page: Page, ms: number): Promise<void> {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await page.clock.fastForward(ms);
}

/** A token that says who one is; nobody verifies it here. */
export function unsignedToken(claims: Record<string, unknown> = {}): string {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const payload = { sub: "anna", name: "Anna Andersson", room: "r1", exp: 4_000_000_000, ...claims };
  return `${encode({ alg: "HS256" })}.${encode(payload)}.signature`;
}
