import type { Values } from "@alltid-oppet/meeting";
import type { TextKey } from "../i18n/texts";

/** As many characters as a meeting token's name may have. */
export const MAX_NAME = 128;

/** What is wrong with a guest's name, or null. */
export function nameFault(name: string): { key: TextKey; values?: Values } | null {
  const length = [...name.trim()].length;
  if (length === 0) return { key: "guest_name_missing" };
  // What the front refuses: markup, and what no keyboard writes.
  if (/[\x00-\x1f\x7f<>]/.test(name.trim())) return { key: "guest_name_signs" };
  return length > MAX_NAME ? { key: "guest_name_long", values: { max: MAX_NAME } } : null;
}
