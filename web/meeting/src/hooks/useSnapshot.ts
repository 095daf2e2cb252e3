import type { LocalMedia, LocalSources, MeetingSession, MeetingSnapshot } from "@alltid-oppet/client";
import { useEffect, useState } from "preact/hooks";

/** The meeting as it is now; renders again on every change. */
export function useSnapshot(session: MeetingSession): MeetingSnapshot {
  const [snapshot, setSnapshot] = useState(session.snapshot);
  useEffect(() => {
    setSnapshot(session.snapshot);
    return session.on("changed", setSnapshot);
  }, [session]);
  return snapshot;
}

/** One's own sources as they are now. */
export function useSources(media: LocalMedia): LocalSources {
  const [sources, setSources] = useState(media.sources);
  useEffect(() => {
    setSources(media.sources);
    return media.on("changed", () => setSources(media.sources));
  }, [media]);
  return sources;
}
