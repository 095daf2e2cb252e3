import { describe, expect, it } from "vitest";
import { LiveReader, LiveWriter, applyEdits, difference } from "../../src/chat/live_text";

const TEXTS = ["", "Hej", "Hej på dig", "Hej dig", "Hejsan 👩‍⚕️ dig", "Hejsan 👨‍⚕️ dig", "aaa", "aaaa", "😀", "😁"];

describe("the difference of two texts", () => {
  it("makes one of the other, whatever they are", () => {
    for (const before of TEXTS) {
      for (const after of TEXTS) {
        const edit = difference(before, after);
        expect(applyEdits(before, edit ? [edit] : []), `${before} -> ${after}`).toBe(after);
        expect(edit === null).toBe(before === after);
      }
    }
  });

  it("never splits a character of two units", () => {
    expect(difference("😀", "😁")).toEqual({ at: 0, erase: 2, insert: "😁" });
  });
});

describe("a reader", () => {
  const said = { conversation_id: "c", author: "a", author_name: "A" };

  it("follows a writer who types, erases, pastes and moves about", () => {
    const writer = new LiveWriter("d");
    const reader = new LiveReader();
    const steps = [...TEXTS, "lång ".repeat(1_500), "lång", "x"];
    for (const [step, text] of steps.entries()) {
      const live = writer.write(text, step * 300);
      if (live) reader.take({ text: null, ...said, ...live } as never, step * 300);
      expect(reader.drafts(step * 300)).toMatchObject(text === "" ? [] : [{ text }]);
    }
  });

  it("keeps what it has after a loss until the whole text is said again", () => {
    const writer = new LiveWriter("d");
    const reader = new LiveReader();
    const tell = (text: string, now: number): void => {
      const live = writer.write(text, now);
      if (live) reader.take({ text: null, ...said, ...live } as never, now);
    };
    tell("ett", 0);
    writer.write("ett två", 300);
    tell("ett två tre", 600);
    expect(reader.drafts(600)).toMatchObject([{ text: "ett" }]);
    tell("ett två tre!", 3_500);
    expect(reader.drafts(3_500)).toMatchObject([{ text: "ett två tre!" }]);
  });

  it("forgets a draft that nobody touches any more", () => {
    const reader = new LiveReader();
    reader.take({ ...said, draft_id: "d", number: 1, text: "hej", edits: [] }, 0);
    expect([reader.drafts(59_000).length, reader.drafts(61_000).length]).toEqual([1, 0]);
  });
});
