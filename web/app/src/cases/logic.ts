/** What lists of cases show, in which order, and what becomes of them when one case changes. Pure. */
import type { Case } from "./types";

/** The parts of a unit's inbox; `open` is all that is not closed. */
export const FILTERS = ["open", "new", "mine", "staff", "late", "patient", "closed"] as const;
export type Filter = (typeof FILTERS)[number];

export const isClosed = (one: Case): boolean => one.state === "closed";

/** In the unit's queue: nobody has it. */
export const isWaiting = (one: Case): boolean => one.state === "new" || one.state === "reopened";

/** The promised time is over and nobody has answered. */
export const isLate = (one: Case, now: number): boolean => one.answer_by !== null && one.answer_by < now && !isClosed(one);

export function isIn(filter: Filter, one: Case, now: number): boolean {
  switch (filter) {
    case "open":
      return !isClosed(one);
    case "new":
      return isWaiting(one);
    case "mine":
      return one.is_mine === true && !isClosed(one);
    case "staff":
      return one.state === "awaiting_staff" || one.state === "assigned";
    case "late":
      return isLate(one, now);
    case "patient":
      return one.state === "awaiting_patient";
    case "closed":
      return isClosed(one);
  }
}

export function counts(cases: readonly Case[], now: number): Record<Filter, number> {
  const found = {} as Record<Filter, number>;
  for (const filter of FILTERS) found[filter] = cases.filter((one) => isIn(filter, one, now)).length;
  return found;
}

/** A unit's open cases: whose answer is promised first comes first, then the longest waiting; closed ones newest first. */
export function inboxOrder(cases: readonly Case[]): Case[] {
  const promised = (one: Case): number => one.answer_by ?? Number.POSITIVE_INFINITY;
  return [...cases].sort((a, b) => {
    if (isClosed(a) !== isClosed(b)) return isClosed(a) ? 1 : -1;
    if (isClosed(a)) return b.changed_at - a.changed_at;
    const [mine, theirs] = [promised(a), promised(b)];
    return mine === theirs ? a.changed_at - b.changed_at : mine - theirs;
  });
}

/** A patient's cases: what is unread first, then what changed last. */
export function patientOrder(cases: readonly Case[]): Case[] {
  return [...cases].sort((a, b) => Number(b.is_unread) - Number(a.is_unread) || b.changed_at - a.changed_at);
}

/** The list with one case as it is now; an older version than is known changes nothing. `null`: it is gone. */
export function merged(cases: readonly Case[], caseId: string, found: Case | null): Case[] {
  const others = cases.filter((one) => one.case_id !== caseId);
  if (!found) return others;
  const known = cases.find((one) => one.case_id === caseId);
  return known && known.version > found.version ? [...cases] : [...others, found];
}

/** Everything of the case that is on the screen has been read. */
export function withoutUnread(cases: readonly Case[], caseId: string): Case[] {
  return cases.map((one) => (one.case_id === caseId && one.is_unread ? { ...one, is_unread: false } : one));
}

export const unreadCount = (cases: readonly Case[]): number => cases.filter((one) => one.is_unread).length;

/** May it be opened again? To the second, as the server sees it. */
export const mayReopen = (one: Case, now: number): boolean => isClosed(one) && one.reopen_until !== null && now <= one.reopen_until;
