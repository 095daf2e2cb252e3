import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ChatCode } from "@alltid-oppet/client";
import { describe, expect, it } from "vitest";
import { TEXTS, type TextKey, translator } from "../src/i18n/texts";
import { hoursText } from "../src/hours";
import { ACCEPTED_FILES } from "../src/accepted";
import { canSendAgain, fileRefusal, fileRefusalText, refusalText } from "../src/refusals";
import { around } from "../src/Search";
import { limitSize, size } from "../src/sizes";
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
    expect(refusalText("forbidden")).toBe("refused_right");
    const codes = readFileSync(fileURLToPath(new URL("../../client/src/chat_protocol.ts", import.meta.url)), "utf8")
      .split(";")
      .find((part) => part.includes("export type ChatCode"))!;
    for (const [, code] of codes.matchAll(/"(\w+)"/g)) expect(TEXTS.en[refusalText(code as ChatCode)], code).toBeTruthy();
    const sent = readFileSync(fileURLToPath(new URL("../../../signalling/attachment_api.py", import.meta.url)), "utf8");
    const ofFiles = sent.split("_CODES: Final[Mapping[str, HttpErrorCode]] = {")[1]!.split("}")[0]!;
    const renamed = new Map([...ofFiles.matchAll(/"(\w+)": "(\w+)"/g)].map(([, of, code]) => [of!, code!]));
    for (const code of renamed.values()) expect(fileRefusalText(code), code).not.toBe("file_error");
    const checks = readFileSync(fileURLToPath(new URL("../../../chat/attachments.py", import.meta.url)), "utf8");
    const causes = [...checks.split("AttachmentErrorCode = Literal[")[1]!.split("]")[0]!.matchAll(/"(\w+)"/g)].map(([, code]) => code!);
    expect(causes).toContain("infected");
    for (const cause of causes) expect(fileRefusalText(renamed.get(cause) ?? cause), cause).not.toBe("file_error");
    const different = ["too_large", "file_refused", "file_infected", "picture_refused", "unreachable", "unavailable", "case_closed"];
    expect(new Set(different.map(fileRefusalText)).size).toBe(different.length);
    expect(different.filter(canSendAgain)).toEqual(["unreachable", "unavailable"]);
    expect(fileRefusalText("too_large")).toBe("file_too_large");
    expect(fileRefusalText("toString")).toBe("file_error");
  });

  it("say how much there may be, of everything that the server limits", () => {
    const limit = { of: "file_bytes", most: 20 * 1024 * 1024 };
    expect(fileRefusal("sv", { code: "too_large", limit })).toBe("Filen är för stor. En fil får vara högst 20 MB.");
    expect(fileRefusal("en", { code: "too_large", limit })).toBe("The file is too large. A file may be at most 20 MB.");
    expect(fileRefusal("sv", { code: "too_large", limit: null })).toBe("Filen är för stor.");
    expect(fileRefusal("sv", { code: "too_large", limit: { of: "toString", most: 1 } })).toBe("Filen är för stor.");
    expect(fileRefusal("sv", { code: "too_many", limit: { of: "pending_files", most: 10 } })).toContain("Högst 10 filer");
    const errors = readFileSync(fileURLToPath(new URL("../../../chat/errors.py", import.meta.url)), "utf8");
    const limited = [...errors.split("LimitOf = Literal[")[1]!.split("]")[0]!.matchAll(/"(\w+)"/g)].map(([, of]) => of!);
    expect(limited).toContain("person_day_bytes");
    const said = limited.map((of) => fileRefusal("en", { code: "quota_exceeded", limit: { of, most: of.endsWith("_bytes") ? 7_000_000 : 7 } }));
    for (const text of said) expect(text).toMatch(/\b7 MB|\b7 files/);
    expect(new Set(said).size).toBe(limited.length);
  });
});

describe("files that can be chosen", () => {
  it("are those that the server takes, by type and by ending", () => {
    const types = readFileSync(fileURLToPath(new URL("../../../chat/attachment_types.py", import.meta.url)), "utf8");
    const quoted = (text: string): string[] => [...text.matchAll(/"([^"]+)"/g)].map(([, one]) => one!);
    const taken = [...quoted(types.split("MediaType = Literal[")[1]!.split("]")[0]!), "text/csv"];
    const ofText = quoted(types.split('FileType("text/plain", (')[1]!.split(")")[0]!).map((ending) => `.${ending}`);
    expect(ACCEPTED_FILES.split(",")).toEqual([...taken, ...ofText]);
  });
});

describe("opening hours", () => {
  const day = [{ opens: "08:00", closes: "17:00" }];
  const split = [{ opens: "08:00", closes: "12:00" }, { opens: "13:00", closes: "24:00" }];

  it("say days that are alike together", () => {
    expect(hoursText("sv", [day, day, day, day, day, [], []])).toBe("måndag–fredag 08:00–17:00; lördag–söndag stängt");
    expect(hoursText("en", [day, split, day, day, day, day, day])).toBe(
      "Monday 08:00–17:00; Tuesday 08:00–12:00, 13:00–24:00; Wednesday–Sunday 08:00–17:00",
    );
  });
});

describe("a hit of a search", () => {
  it("shows its words with what stands around them", () => {
    expect(around("Hej", "hej")).toBe("Hej");
    expect(around(`${"a ".repeat(80)}YRSEL${" b".repeat(80)}`, "yrsel på morgonen")).toMatch(/^… (a ){20,}YRSEL( b){20,} …$/);
    expect(around("inget av det", "annat")).toBe("inget av det");
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

  it("that are limits promise no more than there is", () => {
    expect([1_990, 999_999, 1_999_999, 20_971_520].map((bytes) => limitSize("sv", bytes))).toEqual(["1,9 kB", "999 kB", "1,9 MB", "20 MB"]);
    expect(limitSize("en", 1_999_999)).toBe("1.9 MB");
  });
});
