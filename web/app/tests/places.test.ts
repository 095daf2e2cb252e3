import { describe, expect, it } from "vitest";
import { mailbox, phoneNumber, shownPhone } from "../src/notices/places";
import { bytes } from "../src/notices/push";

describe("what people write as a telephone number", () => {
  it.each([
    ["070-123 45 67", "+46701234567"],
    ["0701234567", "+46701234567"],
    ["+46 (0)70 123 45 67", "+46701234567"],
    ["0046701234567", "+46701234567"],
    [" +47 912 34 567 ", "+4791234567"],
  ])("%s is a number", (written, number) => expect(phoneNumber(written)).toBe(number));

  it.each(["", "070", "ring mig", "+0701234567", "070-123 45 67 89 01 23 45", "+46701234567;ext=1"])("%j is none", (written) =>
    expect(phoneNumber(written)).toBeNull(),
  );

  it("is shown as it is written in Sweden, and other countries' as they are", () => {
    expect(shownPhone("+46701234567")).toBe("070-123 45 67");
    expect(shownPhone("+4791234567")).toBe("+4791234567");
  });
});

it("a mailbox has a name and a domain", () => {
  expect(mailbox(" anna@example.se ")).toBe("anna@example.se");
  for (const written of ["", "anna", "anna@", "@example.se", "anna@example", "an na@example.se", `${"a".repeat(65)}@example.se`]) expect(mailbox(written)).toBeNull();
});

it("the push service's key is base64url without padding", () => {
  expect([...bytes("-_8")]).toEqual([0xfb, 0xff]);
});
