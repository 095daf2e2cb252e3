/** Where one is told, in a real browser over a front that answers as the test says. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Bench, VIEWPORTS, openBench } from "./browser";
import { FakeApi, session, staff } from "./fake_api";

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

const open = (): Promise<unknown> => page.goto(bench.appPage("notices"));
const there = (selector: string): Promise<unknown> => page.waitForSelector(selector);
const sms = "[data-testid=place-sms]";

describe("notifications", () => {
  it("a number is the patient's once the code that came there has been written", async () => {
    await open();
    await page.click(`${sms} [data-testid=place-change]`);
    await page.fill("[data-testid=place-input]", "070-123 45 67");
    await page.keyboard.press("Enter");
    await there(`${sms}[data-step=code]`);
    expect(api.calls.findLast((call) => call.path.endsWith("/codes"))!.body).toEqual({ channel: "sms", to: "+46701234567" });
    await page.fill("[data-testid=code-input]", "123456");
    await page.click("[data-testid=place-next]");
    await there(`${sms} [data-testid=place-now]:has-text("070-123 45 67")`);
    expect(api.calls.findLast((call) => call.path.endsWith("/confirm"))!).toMatchObject({ body: { code: "123456" }, csrf: "csrf-1" });
    // The focus is where one goes on, not lost with the form.
    expect(await page.evaluate(() => document.activeElement?.getAttribute("data-testid"))).toBe("place-change");
    await page.click(`${sms} [data-testid=place-forget]`);
    await there(`${sms} .ap-hint`);
    expect(api.contact.phone).toBe("");
  });

  it("what is no number is told before anything is sent, and a wrong code where it was written", async () => {
    await open();
    await page.click(`${sms} [data-testid=place-change]`);
    await page.fill("[data-testid=place-input]", "ring mig");
    await page.click("[data-testid=place-next]");
    await there("[data-testid=place-fault]:has-text('070-123 45 67')");
    expect(api.calls.some((call) => call.path.endsWith("/codes"))).toBe(false);
    await page.fill("[data-testid=place-input]", "0701234567");
    await page.click("[data-testid=place-next]");
    await there("[data-testid=code-input]");
    for (const [status, code, text] of [[400, "invalid_request", "Koden stämmer inte"], [409, "conflict", "gäller inte längre"]] as const) {
      api.refusals.set("POST /api/contact/confirm", { status, code });
      await page.fill("[data-testid=code-input]", "000000");
      await page.click("[data-testid=place-next]");
      await there(`[data-testid=place-fault]:has-text("${text}")`);
    }
    await page.click("[data-testid=place-cancel]");
    await there(`${sms}[data-step=shown]`);
  });

  it("too many codes are told as what they are", async () => {
    api.refusals.set("POST /api/contact/codes", { status: 429, code: "too_many" });
    await open();
    await page.click(`${sms} [data-testid=place-change]`);
    await page.fill("[data-testid=place-input]", "0701234567");
    await page.click("[data-testid=place-next]");
    await there("[data-testid=place-fault]:has-text('För många försök')");
  });

  it("the language of what is sent is chosen apart from the page's", async () => {
    await open();
    await page.check("[data-testid=notice-language] input[value=en]");
    await expect.poll(() => api.contact.language).toBe("en");
    await there("h1:text('Aviseringar')");
  });

  it("push is not offered where the service has none, and told where the browser blocks it", async () => {
    await open();
    await there("[data-testid=notices]");
    expect(await page.locator("[data-testid=place-push]").count()).toBe(0);
    api.pushKey = "BDd3_hVL9fZi9Ybo2UUzA284WG5FZR30_95YeZJsiApwXKpNcF1rRPF3foIiBHXRdJI2Qhumhf6_LFTeZaNndIo";
    await page.addInitScript(() => Object.defineProperty(Notification, "permission", { get: () => "denied" }));
    await open();
    await there("[data-testid=place-push][data-state=denied]");
    expect(await page.locator("[data-testid=push-toggle]").count()).toBe(0);
  });

  it("a browser that is told by push was registered with the server, and is taken away again", async () => {
    api.pushKey = "BDd3_hVL9fZi9Ybo2UUzA284WG5FZR30_95YeZJsiApwXKpNcF1rRPF3foIiBHXRdJI2Qhumhf6_LFTeZaNndIo";
    // The browser's push service is on the internet; its part is played here.
    await page.addInitScript(() => {
      let subscription: object | null = null;
      const keys = { p256dh: "p", auth: "a" };
      const made = {
        endpoint: "https://push.example/1",
        toJSON: () => ({ endpoint: "https://push.example/1", expirationTime: null, keys }),
        unsubscribe: () => Promise.resolve(((subscription = null), true)),
      };
      PushManager.prototype.subscribe = () => Promise.resolve((subscription = made)) as never;
      PushManager.prototype.getSubscription = () => Promise.resolve(subscription) as never;
      Object.defineProperty(Notification, "permission", { get: () => "default" });
      Notification.requestPermission = () => Promise.resolve("granted");
    });
    await open();
    await there("[data-testid=place-push][data-state=off]");
    await page.click("[data-testid=push-toggle]");
    await there("[data-testid=place-push][data-state=on]");
    expect(api.calls.findLast((call) => call.path === "/api/push-subscriptions")!).toMatchObject({
      method: "POST",
      body: { endpoint: "https://push.example/1", keys: { p256dh: "p", auth: "a" } },
    });
    await page.click("[data-testid=push-toggle]");
    await there("[data-testid=place-push][data-state=off]");
    expect(api.calls.findLast((call) => call.path === "/api/push-subscriptions")!.method).toBe("DELETE");
  });

  it("what a push service brings is shown with its own words and no others", async () => {
    const context = page.context();
    const { origin } = new URL(bench.appPage("notices"));
    await context.grantPermissions(["notifications"], { origin });
    await open();
    const cdp = await context.newCDPSession(page);
    const registered = new Promise<string>((resolve) =>
      cdp.on("ServiceWorker.workerVersionUpdated", ({ versions }) => {
        const active = versions.find((version) => version.status === "activated");
        if (active) resolve(active.registrationId);
      }),
    );
    await cdp.send("ServiceWorker.enable");
    await page.evaluate(() => navigator.serviceWorker.register("/sw.js").then(() => navigator.serviceWorker.ready).then(() => undefined));
    const registrationId = await registered;
    const shown = (): Promise<string[]> =>
      page.evaluate(async () => (await (await navigator.serviceWorker.ready).getNotifications()).map(({ title, body }) => `${title}: ${body}`));
    await cdp.send("ServiceWorker.deliverPushMessage", { origin, registrationId, data: JSON.stringify({ title: "Alltid öppet", body: "Du har ett nytt meddelande." }) });
    await expect.poll(shown).toEqual(["Alltid öppet: Du har ett nytt meddelande."]);
    await cdp.send("ServiceWorker.deliverPushMessage", { origin, registrationId, data: "no json" });
    await expect.poll(shown).toEqual(["Alltid öppet: "]);
  });

  it("staff are led to the portal, and who is not logged in to the login and back", async () => {
    api.session = staff();
    await open();
    await there("[data-state=staff]");
    api.session = null;
    await open();
    expect(await page.getAttribute("[data-testid=login-patient]", "href")).toContain("notices");
  });

  it("lead from every patient's menu", async () => {
    await page.goto(bench.appPage("index"));
    await page.click("[data-testid=session-menu]");
    expect(await page.getAttribute("[data-testid=to-notices]", "href")).toBe("/notices");
  });
});
