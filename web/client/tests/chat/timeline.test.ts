import { describe, expect, it } from "vitest";
import { Timeline } from "../../src/chat/timeline";
import { event } from "./fake_server";

const seqs = (timeline: Timeline): number[] => timeline.messages().map((one) => one.seq);

describe("a timeline", () => {
  it("holds back what came too early, and ignores what it has", () => {
    const timeline = new Timeline();
    timeline.resume([event(1)], 1, 0);
    expect(timeline.take(event(3))).toEqual([]);
    expect(timeline.hasHole).toBe(true);
    expect(timeline.take(event(2)).map((one) => one.seq)).toEqual([2, 3]);
    expect(timeline.take(event(2))).toEqual([]);
    expect([seqs(timeline), timeline.hasHole]).toEqual([[1, 2, 3], false]);
  });

  it("joins what came before the first answer with the answer", () => {
    const timeline = new Timeline();
    expect(timeline.take(event(8))).toEqual([]);
    timeline.resume([event(6), event(7)], 7, 0);
    expect(seqs(timeline)).toEqual([6, 7, 8]);
  });

  it("begins anew when what is missing is in the archive only", () => {
    const timeline = new Timeline();
    timeline.resume([event(1)], 1, 0);
    timeline.resume([event(50), event(51)], 51, 49);
    expect([seqs(timeline), timeline.hasOlder]).toEqual([[50, 51], false]);
  });

  it("shows the last edit, also of a message that is read back later", () => {
    const timeline = new Timeline();
    const edits = [4, 5].map((seq) => event(seq, { kind: "edit", target: 1, body: { text: `edit ${seq}` } }));
    timeline.resume(edits, 5, 0);
    expect(timeline.hasOlder).toBe(true);
    timeline.prepend([event(1), event(2), event(3)], 0);
    expect(timeline.messages()[0]).toMatchObject({ text: "edit 5", edited: true });
  });

  it("has no text left of a message that was taken back", () => {
    const timeline = new Timeline();
    timeline.resume([event(1), event(2, { kind: "withdrawal", target: 1, body: {} })], 2, 0);
    expect(timeline.messages()).toMatchObject([{ text: "", withdrawn: true, attachments: [] }]);
  });

  it("takes attachments only as the protocol has them", () => {
    const timeline = new Timeline();
    const attachments = [{ attachment_id: "a", name: "bild.jpg" }, "x", null, { name: 1 }];
    timeline.resume([event(1, { body: { text: "", attachments } })], 1, 0);
    expect(timeline.messages()[0]!.attachments).toEqual([{ attachment_id: "a", name: "bild.jpg" }]);
  });
});
