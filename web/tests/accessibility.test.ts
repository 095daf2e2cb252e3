/** axe-core (WCAG 2.1 A and AA, best practices) over every page and dialog, in both languages and three sizes. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bench, VIEWPORTS, openBench, unsignedToken } from "./browser";

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

const PAGES: [name: string, address: (bench: Bench, language: string) => string, step?: Step][] = [
  ["check before the meeting", (at, language) => at.meetingPage(`#lang=${language}&token=${token}`), (page) => page.waitForSelector(shown)],
  ["no token", (at, language) => at.meetingPage(`#lang=${language}`)],
  ["conversation of two", (at, language) => at.demoPage(`people=2&lang=${language}`)],
  ["nine people", (at, language) => at.demoPage(`people=9&lang=${language}`)],
  ["thirty people", (at, language) => at.demoPage(`people=30&lang=${language}`)],
  ["shared screen", (at, language) => at.demoPage(`people=3&screen=1&lang=${language}`)],
  ["alone, muted, reconnecting", (at, language) => at.demoPage(`people=1&muted=1&state=reconnecting&lang=${language}`)],
  ["people", (at, language) => at.demoPage(`people=6&lang=${language}`), press("toggle-people")],
  ["settings", (at, language) => at.demoPage(`people=3&lang=${language}`), press("open-settings")],
  ["help", (at, language) => at.demoPage(`people=3&lang=${language}`), press("open-help")],
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
  });
  afterAll(() => page.context().close());

  it.each(PAGES)("%s has no accessibility or layout faults", async (_name, address, step) => {
    await page.goto("about:blank");
    await page.goto(address(bench, language));
    await page.waitForSelector("h1");
    await step?.(page);
    // What axe looks at does not differ between the small screens.
    if (size !== "narrow") expect(await violations(page)).toEqual([]);
    expect(await layoutFaults(page)).toEqual([]);
    expect(bench.complaints()).toEqual([]);
  });
});
