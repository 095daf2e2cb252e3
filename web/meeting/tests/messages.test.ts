import { ERROR_CODES } from "@alltid-oppet/client";
import { describe, expect, it } from "vitest";
import { ENDINGS } from "../src/endings";
import { LANGUAGES, LANGUAGE_CODES, type MessageKey, isLanguage, translator } from "../src/i18n/messages";

const keys = Object.keys(LANGUAGES.sv.messages) as MessageKey[];
const holes = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!).sort();

describe.each(LANGUAGE_CODES)("the messages in %s", (language) => {
  const { messages } = LANGUAGES[language];

  it("are all there, with the same blanks to fill in", () => {
    expect(Object.keys(messages).sort()).toEqual([...keys].sort());
    for (const key of keys) {
      expect(messages[key].trim(), key).not.toBe("");
      expect(holes(messages[key]), key).toEqual(holes(LANGUAGES.sv.messages[key]));
    }
  });

  it("explain every way a meeting can end", () => {
    const t = translator(language);
    for (const { prefix } of Object.values(ENDINGS)) {
      expect(t(`${prefix}_title`).length).toBeGreaterThan(5);
      expect(t(`${prefix}_text`).length).toBeGreaterThan(20);
    }
  });
});

describe("messages", () => {
  it("know every error code of the protocol", () => {
    for (const code of ERROR_CODES) expect(ENDINGS).toHaveProperty(code);
  });

  it("fill in values and leave unknown blanks visible", () => {
    const t = translator("sv");
    expect(t("said_joined", { name: "Åsa {name}" })).toBe("Åsa {name} är med i mötet");
    expect(t("said_joined")).toBe("{name} är med i mötet");
  });

  it("tell a language from any other text", () => {
    expect([isLanguage("en"), isLanguage("toString"), isLanguage(null)]).toEqual([true, false, false]);
  });
});
