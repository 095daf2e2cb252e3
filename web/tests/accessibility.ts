/** What the accessibility tests share: axe-core (WCAG 2.1 A and AA, best practices), and the layout at three sizes. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Page, Request } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bench, VIEWPORTS, type Viewport, openBench } from "./browser";

export type Step = (page: Page) => Promise<unknown>;
/** A state of a page: its name, where it is, what the front answers, and what is done there. */
export interface State {
  name: string;
  address: (bench: Bench, language: string) => string;
  attach?: (page: Page) => Promise<unknown>;
  step?: Step | undefined;
}

export const press = (name: string): Step => (page) => page.click(`[data-testid=${name}]`);

async function violations(page: Page, axeSource: string): Promise<string[]> {
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

/** Until everything that was asked for has come, and the page has stood still for some frames (or a second: some never do). */
async function settled(page: Page, underWay: ReadonlySet<Request>): Promise<void> {
  do {
    await expect.poll(() => underWay.size).toBe(0);
    await page.evaluate(async () => {
      let changed = false;
      const observer = new MutationObserver(() => (changed = true));
      observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
      for (let still = 0, frames = 0; still < 4 && frames < 60; frames += 1) {
        changed = false;
        await new Promise((done) => requestAnimationFrame(done));
        still = changed ? 0 : still + 1;
      }
      observer.disconnect();
    });
  } while (underWay.size);
}

/** A window of another size, and two frames for what follows it by script. */
async function resize(page: Page, size: Viewport): Promise<void> {
  await page.setViewportSize(size);
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

/** The page is loaded once for each language; its layout follows the window, and is looked at in all of these. */
const LOOKS = [
  ["sv", ["narrow", "desktop"]],
  ["en", ["phone"]],
] as const;

/** Each state has no accessibility faults in either language, and none of layout at any size. */
export function check(states: readonly State[]): void {
  let bench: Bench;
  let axeSource: string;
  beforeAll(async () => {
    bench = await openBench();
    axeSource = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  });
  afterAll(() => bench.close());

  describe.each(LOOKS)("in %s on these screens: %s", (language, sizes) => {
    let page: Page;
    const underWay = new Set<Request>();
    beforeAll(async () => {
      // Reduced motion: colours are measured at rest.
      page = await bench.newPage(VIEWPORTS[sizes[0]], { reducedMotion: "reduce" });
      page.on("request", (request) => underWay.add(request));
      for (const end of ["requestfinished", "requestfailed"] as const) page.on(end as "requestfinished", (request) => underWay.delete(request));
      await page.addInitScript((chosen) => {
        if (location.protocol === "http:") localStorage.setItem("alltid-oppet:preference:language", chosen);
      }, language);
    });
    afterAll(() => page.context().close());

    it.each(states)("$name has no accessibility or layout faults", async ({ address, attach, step }) => {
      await page.setViewportSize(VIEWPORTS[sizes[0]]);
      await attach?.(page);
      await page.goto("about:blank");
      await page.goto(address(bench, language));
      await page.waitForSelector("h1, h2");
      await step?.(page);
      await settled(page, underWay);
      expect(await page.getAttribute("html", "lang")).toBe(language);
      for (const size of sizes) {
        if (size !== sizes[0]) await resize(page, VIEWPORTS[size]);
        expect(await layoutFaults(page), size).toEqual([]);
      }
      expect(await violations(page, axeSource)).toEqual([]);
      expect(bench.complaints().filter((text) => !text.startsWith("Failed to load resource"))).toEqual([]);
    });
  });
}
