/** Which part of the page is shown, in the address's fragment, so that the browser's back button goes to the list. */
import { useEffect, useState } from "preact/hooks";

export type Step = { at: "list" } | { at: "new" } | { at: "move"; bookingId: string };

/** Pure. */
export function stepOf(hash: string): Step {
  if (hash === "#new") return { at: "new" };
  const move = /^#move=([A-Za-z0-9_-]+)$/.exec(hash);
  return move ? { at: "move", bookingId: move[1]! } : { at: "list" };
}

const hashOf = (step: Step): string => (step.at === "list" ? "" : step.at === "new" ? "#new" : `#move=${step.bookingId}`);

/** `moved`: somebody has gone from one part to another, so that the focus goes along. */
export function useStep(): { step: Step; go: (step: Step) => void; moved: boolean } {
  const [at, setAt] = useState({ step: stepOf(location.hash), moved: false });
  useEffect(() => {
    const changed = (): void => setAt({ step: stepOf(location.hash), moved: true });
    addEventListener("popstate", changed);
    return () => removeEventListener("popstate", changed);
  }, []);
  const go = (step: Step): void => {
    if (hashOf(step) !== location.hash) history.pushState(null, "", `${location.pathname}${location.search}${hashOf(step)}`);
    setAt({ step, moved: true });
    scrollTo(0, 0);
  };
  return { ...at, go };
}
