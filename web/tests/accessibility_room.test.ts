/** Accessibility and layout of the meeting, from the check before it on. */
import { type State, type Step, check, press } from "./accessibility";
import { type Bench, unsignedToken } from "./browser";

const token = unsignedToken();
const shown = "[data-testid=prejoin] video[data-visible=true]";

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

check(PAGES.map(([name, address, step]): State => ({ name, address, step })));
