/** Where one is among a page's cases: the list, one case, or a new one. The address says so, and can be shared. */
import { useCallback, useEffect, useState } from "preact/hooks";

export type Place = { at: "list" } | { at: "new" } | { at: "case"; caseId: string };

export type Base = "/cases" | "/portal/cases";

const CASE_ID = /^case-[a-z2-7]{26}$/;

export function parsePlace(base: Base, path: string): Place {
  const rest = path.startsWith(`${base}/`) ? path.slice(base.length + 1).replace(/\/$/, "") : "";
  if (rest === "new") return { at: "new" };
  return CASE_ID.test(rest) ? { at: "case", caseId: rest } : { at: "list" };
}

export function addressOf(base: Base, place: Place): string {
  if (place.at === "list") return base;
  return place.at === "new" ? `${base}/new` : `${base}/${place.caseId}`;
}

/** Is this a click for the page itself, not one for a new tab? */
export const isPlainClick = (event: MouseEvent): boolean =>
  event.button === 0 && !event.defaultPrevented && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;

export type Go = (place: Place, how?: "push" | "replace") => void;

/**
 * The place of the address, and the way to another one, with the browser's back and forward. `moved`: this is not where
 * the page began, so the heading takes the focus.
 */
export function usePlace(base: Base): { place: Place; go: Go; moved: boolean } {
  const [place, setPlace] = useState(() => parsePlace(base, location.pathname));
  const [moved, setMoved] = useState(false);
  useEffect(() => {
    const left = (): void => {
      setMoved(true);
      setPlace(parsePlace(base, location.pathname));
    };
    addEventListener("popstate", left);
    return () => removeEventListener("popstate", left);
  }, [base]);
  const go = useCallback(
    (next: Place, how: "push" | "replace" = "push") => {
      const address = addressOf(base, next);
      if (how === "push") history.pushState(null, "", address);
      else history.replaceState(null, "", address);
      setMoved(true);
      setPlace(next);
    },
    [base],
  );
  return { place, go, moved };
}
