/** A new case that is being written, kept in the tab until it is sent or somebody logs out (`forgetUnsent`). */
import { type TextStore, newId } from "@alltid-oppet/client";

export interface CaseDraft {
  /** Provider and unit, as `unitKey` puts them together; empty: none chosen. */
  unit: string;
  subject: string;
  text: string;
  /** The case is opened under it: asked for again, it is the same case. */
  clientId: string;
}

const PREFIX = "alltid-oppet:chat:new-case:";

export const unitKey = (unit: { provider_hsa_id: string; unit_hsa_id: string }): string => `${unit.provider_hsa_id} ${unit.unit_hsa_id}`;

export const emptyDraft = (): CaseDraft => ({ unit: "", subject: "", text: "", clientId: newId() });

/** `whose`: who writes, and for whom. */
export function loadDraft(store: TextStore, whose: string): CaseDraft {
  try {
    const kept = JSON.parse(store.getItem(PREFIX + whose) ?? "null") as Partial<CaseDraft> | null;
    const empty = emptyDraft();
    if (kept === null || typeof kept !== "object") return empty;
    const text = (name: keyof CaseDraft): string => (typeof kept[name] === "string" ? kept[name] : empty[name]);
    return { unit: text("unit"), subject: text("subject"), text: text("text"), clientId: text("clientId") };
  } catch {
    return emptyDraft();
  }
}

export function keepDraft(store: TextStore, whose: string, draft: CaseDraft | null): void {
  try {
    if (draft) store.setItem(PREFIX + whose, JSON.stringify(draft));
    else store.removeItem(PREFIX + whose);
  } catch {
    // Storage is full or forbidden: what is written lives as long as the page.
  }
}

export type Fault = "unit" | "subject" | "text";

/** What is missing, in the order of the form. */
export function faults(draft: CaseDraft, files: number, units: readonly string[]): Fault[] {
  const found: Fault[] = [];
  if (!units.includes(draft.unit)) found.push("unit");
  if (draft.subject.trim() === "") found.push("subject");
  if (draft.text.trim() === "" && files === 0) found.push("text");
  return found;
}
