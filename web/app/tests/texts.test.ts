import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { TEXTS, type TextKey, keyFor, texts } from "../src/i18n/texts";

const SOURCE = fileURLToPath(new URL("../src/", import.meta.url));
const keys = Object.keys(TEXTS.sv) as TextKey[];
const holes = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!).sort();

describe("the pages' texts", () => {
  it("are there in every language, with the same blanks to fill in", () => {
    for (const catalogue of Object.values(TEXTS)) {
      expect(Object.keys(catalogue)).toEqual(keys);
      for (const key of keys) {
        expect(catalogue[key].trim(), key).not.toBe("");
        expect(holes(catalogue[key]), key).toEqual(holes(TEXTS.sv[key]));
      }
    }
  });

  it("are all used", () => {
    const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name));
    const code = files.filter((name) => !name.startsWith("i18n")).map((name) => readFileSync(SOURCE + name, "utf8")).join();
    // Keys made of a prefix and a code from elsewhere.
    const made = /^(today|tomorrow|(code|kind|link_role|link_state|link|notices_(sms|email|push|code))_\w+|notices_(sms|email)|unit_(name|notice_name|phone)(_hint|_fault)?|unit_emergency_(sv|en))$/;
    expect(keys.filter((key) => !made.test(key) && !code.includes(`"${key}"`))).toEqual([]);
  });

  it("have a fallback for codes that nobody has heard of", () => {
    expect(keyFor("code_", "forbidden", "code_internal")).toBe("code_forbidden");
    expect(keyFor("code_", "toString", "code_internal")).toBe("code_internal");
    expect(texts("en")("hello", { name: "Anna" })).toBe("Hello Anna!");
  });
});
