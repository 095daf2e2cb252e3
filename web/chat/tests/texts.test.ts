import { describe, expect, it } from "vitest";
import { size } from "../src/Attachment";
import { TEXTS, type TextKey, translator } from "../src/i18n/texts";
import { fileRefusalText, refusalText } from "../src/refusals";
import { clock, dayAndClock, dayKey } from "../src/times";

const holes = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!).sort();

describe("the texts of messages", () => {
  it("are there in every language, with the same blanks to fill in", () => {
    for (const texts of Object.values(TEXTS)) {
      expect(Object.keys(texts).sort()).toEqual(Object.keys(TEXTS.sv).sort());
      for (const key of Object.keys(TEXTS.sv) as TextKey[]) {
        expect(texts[key].trim(), key).not.toBe("");
        expect(holes(texts[key]), key).toEqual(holes(TEXTS.sv[key]));
      }
    }
  });

  it("fill in values and leave what is written alone", () => {
    expect(translator("sv")("said", { name: "{text}", text: "hej" })).toBe("{text}: hej");
  });

  it("say in words why something was refused", () => {
    expect(refusalText("case_closed")).toBe("refused_closed");
    expect(refusalText("forbidden")).toBe("refused_other");
    expect(fileRefusalText("too_large")).toBe("file_too_large");
    expect(fileRefusalText("toString")).toBe("file_error");
  });
});

describe("times of messages", () => {
  const at = Date.UTC(2026, 10, 23, 23, 30);

  it("are those of Sweden", () => {
    expect([clock("sv", at), dayKey(at)]).toEqual(["00:30", "2026-11-24"]);
    expect(dayAndClock("sv", at)).toBe("tisdag 24 november 00:30");
    expect(dayAndClock("en", at)).toContain("24 November 00:30");
  });
});

describe("sizes of files", () => {
  it("are short", () => expect([size(10), size(184_320), size(1_449_000)]).toEqual(["1 kB", "184 kB", "1.4 MB"]));
});
