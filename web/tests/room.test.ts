/** The room in a real browser: keys, focus, what is said to screen readers, what stays when things change. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { DemoSession } from "../dev/session";
import { type Bench, VIEWPORTS, openBench, unsignedToken } from "./browser";

let bench: Bench;
let page: Page;

beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());
beforeEach(async () => {
  page = await bench.newPage(VIEWPORTS.desktop, { reducedMotion: "reduce" });
});
afterEach(async () => {
  expect(bench.complaints()).toEqual([]);
  await page.context().close();
});

const active = (name: string): Promise<string | null> => page.getAttribute(`[data-testid=toggle-${name}]`, "data-active");
const focused = (): Promise<string | null> => page.evaluate(() => document.activeElement?.getAttribute("data-testid") ?? null);
const said = (text: string): Promise<unknown> => page.waitForSelector(`[data-testid=announcer] :text("${text}")`, { state: "attached" });

async function openRoom(query = "people=3"): Promise<void> {
  await page.goto(bench.demoPage(query));
  await page.waitForSelector("[data-testid=toggle-microphone][data-active=true]");
}

describe("keys", () => {
  it("mute and unmute, and say so", async () => {
    await openRoom();
    await page.keyboard.press("m");
    await said("Din mikrofon är av");
    expect(await active("microphone")).toBe("false");
    expect(await page.getAttribute("[data-self=true]", "data-microphone")).toBe("false");
    await page.keyboard.press("M");
    await said("Din mikrofon är på");
    await page.keyboard.press("v");
    await said("Din kamera är av");
    expect(await page.$("[data-self=true] video")).toBeNull();
  });

  it("do nothing while a dialog is open, with Ctrl, or when turned off", async () => {
    await openRoom();
    await page.keyboard.press("Control+m");
    await page.keyboard.press("?");
    await page.waitForSelector("[data-testid=dialog-help][open]");
    await page.keyboard.press("m");
    await page.click("[data-testid=shortcuts]");
    await page.keyboard.press("Escape");
    await page.waitForSelector("[data-testid=dialog-help]:not([open])", { state: "attached" });
    await page.keyboard.press("m");
    expect(await active("microphone")).toBe("true");
    expect(await page.getAttribute("[data-testid=toggle-microphone]", "aria-keyshortcuts")).toBeNull();
  });

  it("reach every control by Tab, in reading order", async () => {
    await openRoom();
    const reached: (string | null)[] = [];
    for (let press = 0; press < 7; press += 1) {
      await page.keyboard.press("Tab");
      reached.push(await focused());
    }
    const controls = ["toggle-microphone", "toggle-camera", "toggle-screen", "toggle-people", "leave"];
    expect(reached).toEqual(["open-settings", "open-help", ...controls]);
  });

  it("open the list of people, close it and come back to its button", async () => {
    await openRoom("people=6");
    await page.keyboard.press("p");
    await page.waitForSelector("[data-testid=people] h2:focus");
    expect(await page.locator("[data-testid=person]").count()).toBe(6);
    await page.keyboard.press("Escape");
    await page.waitForSelector("[data-testid=people]", { state: "detached" });
    expect(await focused()).toBe("toggle-people");
  });
});

describe("dialogs", () => {
  it("give the focus back and change the language of everything", async () => {
    await openRoom();
    await page.click("[data-testid=open-settings]");
    await page.selectOption("[data-testid=dialog-settings] [data-testid=language]", "en");
    await page.waitForSelector("[data-testid=dialog-settings] :text('Sound, picture and language')");
    await page.keyboard.press("Escape");
    await page.waitForSelector("[data-testid=leave] :text('Leave')");
    expect(await focused()).toBe("open-settings");
    await page.reload();
    await page.waitForSelector("[data-testid=leave] :text('Leave')");
  });
});

describe("tiles", () => {
  it("show a picture only where there is one, and who speaks, is muted or lost", async () => {
    await openRoom("people=6");
    await page.waitForSelector("[data-participant-id=p0] video[data-visible=true]");
    expect(await page.$("[data-participant-id=p2] video")).toBeNull();
    expect(await page.getAttribute("[data-testid=tile][data-participant-id=p0]", "data-speaking")).toBe("true");
    expect(await page.isVisible("[data-participant-id=p1] [aria-label='Mikrofonen av']")).toBe(true);
    expect(await page.isVisible("[data-participant-id=p4] :text('Återansluter')")).toBe(true);
    expect(await page.getAttribute("[data-participant-id=p3] [data-testid=quality]", "aria-label")).toBe("Dålig anslutning");
  });

  it("never leave the screen, from one to thirty people, when the window changes", async () => {
    for (const count of [1, 2, 5, 9, 30]) {
      await page.setViewportSize(VIEWPORTS.desktop);
      await openRoom(`people=${count}`);
      for (const size of Object.values(VIEWPORTS)) {
        await page.setViewportSize(size);
        await page.waitForFunction(() => {
          const stage = document.querySelector(".ao-stage")!.getBoundingClientRect();
          return [...document.querySelectorAll("[data-testid=tile]")].every((tile) => {
            const { left, right, top, bottom, width } = tile.getBoundingClientRect();
            return width > 40 && left >= stage.left - 1 && right <= stage.right + 1 && top >= stage.top - 1 && bottom <= stage.bottom + 1;
          });
        });
      }
    }
  });
});

describe("what is asked of the server", () => {
  const asked = (): Promise<string[]> =>
    page.evaluate(() => {
      const { selected } = (window as unknown as { session: DemoSession }).session;
      return selected?.hidden ? [] : (selected?.wanted ?? []).map((one) => `${one.participant_id} ${one.source} ${one.quality}`);
    });
  const until = (wanted: string[]): Promise<void> => expect.poll(asked).toEqual(wanted);

  it("is what is on the screen, in its size, and nothing while nobody looks", async () => {
    await openRoom("people=3");
    await until(["p0 camera medium", "p1 camera medium"]);
    await page.setViewportSize({ width: 2560, height: 1400 });
    await until(["p0 camera high", "p1 camera high"]);
    await page.setViewportSize(VIEWPORTS.narrow);
    await until(["p0 camera low", "p1 camera low"]);
    await page.evaluate(() => {
      Object.defineProperty(document, "hidden", { value: true, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    });
    await until([]);
  });

  it("leaves out who has no room on a small screen", async () => {
    await page.setViewportSize(VIEWPORTS.narrow);
    await openRoom("people=30");
    await expect.poll(async () => (await asked()).length).toBeGreaterThan(3);
    expect((await asked()).length).toBe((await page.locator("[data-testid=tile]:not([data-self=true])").count()));
  });

  it("of a shared screen comes first", async () => {
    await openRoom("people=3&screen=1");
    await expect.poll(async () => (await asked())[0]).toBe("p0 screen high");
  });
});

describe("a host", () => {
  it("lets in by the name, and the next one moves up", async () => {
    await openRoom("people=3&waiting=1");
    await said("Lars Nyström väntar på att släppas in");
    await openRoom("people=3&waiting=3");
    await page.click("[data-testid=admit][aria-label='Släpp in Lars Nyström']");
    await page.waitForSelector("[data-testid=lobby-name]:text('Amina Hassan')");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("data-testid"))).toBe("lobby");
    await page.click("[data-testid=lobby-all]");
    expect(await page.locator("[data-testid=waiting-person]").count()).toBe(2);
    expect(await page.isVisible("[data-testid=waiting-person] :text('Namnet är inte kontrollerat')")).toBe(true);
  });

  it("is asked before anybody is turned away or taken out", async () => {
    await openRoom("people=3&waiting=1");
    await page.click("[data-testid=deny]");
    await page.waitForSelector("[data-testid=dialog-deny][open] h2:text('Neka Lars Nyström?')");
    await page.keyboard.press("Escape");
    expect(await page.isVisible("[data-testid=lobby]")).toBe(true);
    await page.click("[data-testid=deny]");
    await page.click("[data-testid=confirm-deny]");
    await page.waitForSelector("[data-testid=lobby]", { state: "detached" });
    await page.click("[data-testid=toggle-people]");
    await page.click("[data-participant-id=p1] [data-testid=remove]");
    await page.click("[data-testid=confirm-remove]");
    await page.waitForSelector("[data-testid=person][data-participant-id=p1]", { state: "detached" });
    expect(await page.locator("[data-testid=remove]").count()).toBe(1);
  });

  it("alone sees those buttons", async () => {
    await openRoom("people=3");
    await page.click("[data-testid=toggle-people]");
    expect(await page.locator("[data-testid=remove]").count()).toBe(0);
  });
});

/** Who may write has changed, as the server tells whoever looks. */
const changeRules = (rules: { state: "open" | "closed"; hosts_only: boolean }): Promise<void> =>
  page.evaluate((told) => (window as unknown as { changeRules: (rules: object) => void }).changeRules(told), rules);

describe("the chat", () => {
  async function openChat(query: string): Promise<void> {
    await openRoom(`chat=1&${query}`);
    await page.click("[data-testid=toggle-chat]");
    await page.waitForSelector("[data-testid=chat][data-status=live]");
  }

  it("takes the composer away the moment that participants may not write, and gives it back with the draft", async () => {
    await openChat("people=2");
    expect(await page.$("[data-testid=participants-chat]")).toBeNull();
    await page.fill("[data-testid=chat-text]", "Jag undrar om");
    await changeRules({ state: "closed", hosts_only: true });
    await page.waitForSelector("[role=status] > [data-testid=chat-closed]:text('Vårdpersonalen har stängt av chatten')");
    expect(await page.$("[data-testid=chat-text]")).toBeNull();
    expect(await page.evaluate(() => document.activeElement?.className)).toBe("ao-chat-end");
    expect(await page.$("[data-testid=draft]")).toBeNull();
    await changeRules({ state: "open", hosts_only: false });
    await page.waitForSelector("[role=status] :text('Du kan skriva här igen.')", { state: "attached" });
    expect(await page.inputValue("[data-testid=chat-text]")).toBe("Jag undrar om");
    expect(await page.$("[data-testid=chat-closed]")).toBeNull();
  });

  it("says when it is over", async () => {
    await openChat("people=2");
    await changeRules({ state: "closed", hosts_only: false });
    await page.waitForSelector("[data-testid=chat-closed]:text('Konversationen är avslutad.')");
  });

  it("has a switch for hosts, by keyboard too, and stays theirs to write in", async () => {
    await openChat("people=2&waiting=1");
    const rule = page.getByRole("switch", { name: "Deltagarna kan skriva" });
    expect(await rule.isChecked()).toBe(true);
    await rule.focus();
    await page.keyboard.press("Space");
    expect(await rule.isChecked()).toBe(false);
    await expect.poll(() => page.evaluate(() => (window as unknown as { chat: { snapshot: { hostsOnly: boolean } } }).chat.snapshot.hostsOnly)).toBe(true);
    expect(await page.isVisible("[data-testid=chat-text]")).toBe(true);
    await changeRules({ state: "open", hosts_only: false }); // another host
    await expect.poll(() => rule.isChecked()).toBe(true);
  });

  it("puts the switch back when the server does not do it", async () => {
    await openChat("people=2&waiting=1&refuse=chat_rule");
    await page.click("[data-testid=participants-chat]");
    await page.waitForSelector(".ao-chat-rule [role=alert]:text('Det gick inte. Försök igen.')");
    expect(await page.isChecked("[data-testid=participants-chat]")).toBe(true);
  });
});

describe("check before the meeting", () => {
  it("shows picture, name and level, and turns camera and microphone off", async () => {
    await page.goto(bench.meetingPage(`#token=${unsignedToken()}`));
    await page.waitForSelector("[data-testid=prejoin] video[data-visible=true]");
    expect(await page.textContent("[data-testid=own-name]")).toBe("Anna Andersson");
    await page.waitForFunction(() => Number(document.querySelector("[data-testid=level]")!.getAttribute("aria-valuenow")) > 10);
    await page.click("[data-testid=toggle-camera]");
    await page.waitForSelector("[data-testid=prejoin] video", { state: "detached" });
    await page.click("[data-testid=toggle-microphone]");
    await page.waitForSelector("text=Mikrofonen är av.");
  });

  it("explains refused devices and lets the person try again", async () => {
    await page.addInitScript(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
    });
    await page.goto(bench.meetingPage(`#token=${unsignedToken()}`));
    const notice = await page.waitForSelector("[data-testid=problem-both][data-problem=denied]");
    expect(await notice.innerText()).toContain("Mikrofonen och kameran är blockerade");
    await page.evaluate(() => {
      const canvas = document.createElement("canvas");
      canvas.getContext("2d");
      navigator.mediaDevices.getUserMedia = ({ video } = {}) =>
        video ? Promise.resolve(canvas.captureStream(5)) : Promise.reject(new DOMException("none", "NotFoundError"));
    });
    await page.click("[data-testid=problem-both] button");
    await page.waitForSelector("[data-testid=problem-microphone][data-problem=not_found]");
    expect(await active("camera")).toBe("true");
    expect(await page.isEnabled("[data-testid=join]")).toBe(true);
  });

  it("says what is wrong with a link that is no link", async () => {
    await page.goto(bench.meetingPage("#token=nonsense&lang=en"));
    await page.waitForSelector("[data-end-code=token_invalid] h1:focus:text('The link does not work')");
    expect(await page.getAttribute("html", "lang")).toBe("en");
  });
});
