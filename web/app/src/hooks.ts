import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "./api";

export type Loaded<Value> =
  | { status: "loading" }
  | { status: "here"; value: Value; at: number }
  | { status: "failed"; error: ApiError };

/**
 * What `load` brings, loaded again whenever `key` changes and by `again`. A later answer never replaces a newer one,
 * and what is on the screen stays while it is loaded again. `again(true)` says that nobody asked for it.
 */
export function useLoaded<Value>(key: string, load: (unasked: boolean) => Promise<Value>, refused: (error: unknown) => ApiError) {
  const [loaded, setLoaded] = useState<Loaded<Value>>({ status: "loading" });
  const turn = useRef(0);
  const run = useRef(load);
  run.current = load;
  const again = useCallback(async (unasked = false) => {
    const mine = ++turn.current;
    try {
      const value = await run.current(unasked);
      if (turn.current === mine) setLoaded({ status: "here", value, at: now() });
    } catch (error) {
      if (turn.current === mine) setLoaded({ status: "failed", error: refused(error) });
    }
  }, []);
  useEffect(() => {
    setLoaded({ status: "loading" });
    void again();
    return () => {
      turn.current += 1;
    };
  }, [key]);
  return { loaded, again };
}

/** The present in seconds since 1970. */
export const now = (): number => Date.now() / 1000;

/** Whether a media query holds now. */
export function useMedia(query: string): boolean {
  const [holds, setHolds] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const changed = (): void => setHolds(media.matches);
    changed();
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, [query]);
  return holds;
}

/** The present, anew every `periodS` seconds and when the page comes back to the front. */
export function useNow(periodS: number): number {
  const [present, setPresent] = useState(now);
  useEffect(() => {
    const tick = (): void => setPresent(now());
    const shown = (): void => void (document.visibilityState === "visible" && tick());
    const timer = setInterval(tick, periodS * 1000);
    document.addEventListener("visibilitychange", shown);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", shown);
    };
  }, [periodS]);
  return present;
}
