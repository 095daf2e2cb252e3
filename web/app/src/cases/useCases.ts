import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api";
import { now } from "../hooks";
import { merged } from "./logic";
import type { Case } from "./types";

export interface CaseList {
  status: "loading" | "here" | "failed";
  cases: readonly Case[];
  /** When it was fetched. */
  at: number;
  /** It could not be fetched again: what is shown may be old. */
  stale: boolean;
  error: ApiError | null;
}

export interface Cases extends CaseList {
  again: (unasked?: boolean) => Promise<void>;
  /** One case as it is now; null: it is not on the list any more. */
  put: (caseId: string, found: Case | null) => void;
  change: (change: (cases: readonly Case[]) => Case[]) => void;
}

const EMPTY: CaseList = { status: "loading", cases: [], at: 0, stale: false, error: null };

/**
 * A list of cases, loaded again every `everyS` seconds while somebody looks at the page, and when they come back to it.
 * What is on the screen stays there when nobody answers.
 */
export function useCases(
  key: string,
  load: (unasked: boolean) => Promise<Case[]>,
  refused: (error: unknown) => ApiError,
  everyS: number,
  wanted = true,
): Cases {
  const [list, setList] = useState(EMPTY);
  const turn = useRef(0);
  const run = useRef(load);
  run.current = load;
  const at = useRef(0);
  const again = useCallback(async (unasked = false) => {
    const mine = ++turn.current;
    at.current = now();
    try {
      const cases = await run.current(unasked);
      if (turn.current === mine) setList({ status: "here", cases, at: now(), stale: false, error: null });
    } catch (error) {
      const refusal = refused(error);
      if (turn.current !== mine) return;
      setList((known) =>
        known.status === "here" && refusal.isPassing ? { ...known, stale: true } : { ...EMPTY, status: "failed", error: refusal },
      );
    }
  }, []);
  useEffect(() => setList(EMPTY), [key]);
  useEffect(() => {
    if (!wanted) return undefined;
    void again();
    const look = (): void => {
      if (document.visibilityState === "visible" && now() - at.current >= everyS - 1) void again(true);
    };
    const timer = setInterval(look, everyS * 1000);
    document.addEventListener("visibilitychange", look);
    return () => {
      turn.current += 1;
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [key, wanted]);
  const change = useCallback((act: (cases: readonly Case[]) => Case[]) => setList((known) => ({ ...known, cases: act(known.cases) })), []);
  const put = useCallback((caseId: string, found: Case | null) => change((cases) => merged(cases, caseId, found)), []);
  return { ...list, again, put, change };
}
