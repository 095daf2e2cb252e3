import type { Values } from "@alltid-oppet/meeting";
import type { TextKey } from "../i18n/texts";

/** As many characters as a meeting token's name may have. */
export const MAX_NAME = 128;

/** What is wrong with a guest's name, or null. */
export function nameFault(name: string): { key: TextKey; values?: Values } | null {
  const length = [...name.trim()].length;
  if (length === 0) return { key: "guest_name_missing" };
  return length > MAX_NAME ? { key: "guest_name_long", values: { max: MAX_NAME } } : null;
}
