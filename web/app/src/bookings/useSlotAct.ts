import { useState } from "preact/hooks";
import type { ApiError } from "../api";
import { useSession } from "../session";
import { alternativesOf } from "./api";
import type { Slot } from "./types";

export interface SlotAct {
  /** What is being asked about; null: nothing. */
  busy: string | null;
  /** The code of what was refused, other than a time that is gone. */
  failed: string | null;
  /** The time is gone; there are these. Null: it is not. */
  taken: Slot[] | null;
  run: (about: string, act: () => Promise<void>, onRefused?: (error: ApiError) => unknown) => Promise<void>;
  clear: () => void;
}

/** Asking for a time that others may be asking for too. */
export function useSlotAct(): SlotAct {
  const { refused } = useSession();
  const [busy, setBusy] = useState<string | null>(null);
  const [failed, setFailed] = useState<string | null>(null);
  const [taken, setTaken] = useState<Slot[] | null>(null);
  const clear = (): void => {
    setFailed(null);
    setTaken(null);
  };
  const run: SlotAct["run"] = async (about, act, onRefused) => {
    if (busy !== null) return;
    setBusy(about);
    clear();
    try {
      await act();
    } catch (error) {
      const refusal = refused(error);
      if (refusal.needsLogin) return;
      if (refusal.code === "slot_taken") setTaken(alternativesOf(refusal));
      else setFailed(refusal.code);
      onRefused?.(refusal);
    } finally {
      setBusy(null);
    }
  };
  return { busy, failed, taken, run, clear };
}
