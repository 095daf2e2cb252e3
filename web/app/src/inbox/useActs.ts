import { useState } from "preact/hooks";
import type { Act, CaseApi } from "../cases/api";
import type { CaseTextKey } from "../cases/texts";
import type { Case } from "../cases/types";
import { useSession } from "../session";

export type AskFirst = "close" | "give";

export interface CaseActs {
  busy: boolean;
  /** What was done, to be said. */
  said: CaseTextKey | null;
  /** The code of the last refusal. */
  failed: string | null;
  /** What is being asked before it is done. */
  dialog: AskFirst | null;
  ask: (dialog: AskFirst | null) => void;
  take: () => void;
  reopen: () => void;
  close: () => void;
  give: (to: Receiver) => void;
}

/** Who a case goes to. */
export type Receiver = { kind: "colleague"; hsaId: string } | { kind: "queue" } | { kind: "unit"; hsaId: string };

/** What staff do with a case. `put`: the case as it is then; `onGone`: it is another unit's now. */
export function useActs(cases: CaseApi, one: Case, put: (one: Case) => void, again: () => Promise<void>, onGone: () => void): CaseActs {
  const { refused } = useSession();
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState<CaseTextKey | null>(null);
  const [failed, setFailed] = useState<string | null>(null);
  const [dialog, setDialog] = useState<AskFirst | null>(null);
  const run = (act: Act, body: Record<string, unknown>, done: CaseTextKey, then: (after: Case) => void = put): void => {
    if (busy) return;
    setBusy(true);
    setSaid(null);
    setFailed(null);
    cases
      .act(one.case_id, act, body)
      .then(
        (after) => {
          setDialog(null);
          setSaid(done);
          then(after);
        },
        (error: unknown) => {
          const refusal = refused(error);
          if (refusal.needsLogin) return;
          setFailed(refusal.code);
          // Somebody was quicker: what is on the screen is old.
          if (refusal.status === 409) void again();
        },
      )
      .finally(() => setBusy(false));
  };
  return {
    busy,
    said,
    failed,
    dialog,
    ask: (wanted) => {
      setFailed(null);
      setDialog(wanted);
    },
    take: () => run("assign", {}, "done_taken"),
    reopen: () => run("reopen", {}, "done_reopened"),
    // Not what arrived in the meantime and nobody has seen.
    close: () => run("close", { version: one.version }, "done_closed"),
    give: (to) => {
      const { version } = one;
      if (to.kind === "unit") return run("return", { unit_hsa_id: to.hsaId, version }, "done_given", onGone);
      if (to.kind === "queue") return run("return", { version }, "done_given");
      const isQueued = one.state === "new" || one.state === "reopened";
      return run(isQueued ? "assign" : "hand-over", { assignee: to.hsaId, version }, "done_given");
    },
  };
}
