import type { ChatClient } from "@alltid-oppet/client";
import { useEffect, useRef } from "preact/hooks";

/** Several changes of one case, close together, are one. */
const GATHER_MS = 250;

/**
 * What happens to the unit's cases, told over the socket in the unit's own channel. `onMissed` when the socket was away:
 * then nobody knows what has changed.
 */
export function useUnitNews(chat: ChatClient | null, onCase: (caseId: string) => void, onMissed: () => void): void {
  const act = useRef({ onCase, onMissed });
  act.current = { onCase, onMissed };
  useEffect(() => {
    if (!chat) return undefined;
    const timers = new Map<string, ReturnType<typeof setTimeout>>();
    let stop: (() => void)[] = [];
    const listen = (): void => {
      const channelId = chat.hello?.channel;
      if (chat.state !== "online" || !channelId || stop.length > 0) return;
      const channel = chat.open(channelId);
      let wasLive = false;
      let isAway = false;
      const settle = (): void => {
        const isLive = channel.snapshot.status === "live";
        if (isLive && isAway) act.current.onMissed();
        isAway = wasLive && !isLive;
        wasLive ||= isLive;
      };
      stop = [
        channel.on("changed", settle),
        channel.on("case", (caseId) => {
          clearTimeout(timers.get(caseId));
          timers.set(
            caseId,
            setTimeout(() => {
              timers.delete(caseId);
              act.current.onCase(caseId);
            }, GATHER_MS),
          );
        }),
        () => chat.leave(channel),
      ];
    };
    const unlisten = chat.on("changed", listen);
    listen();
    return () => {
      unlisten();
      for (const end of stop) end();
      for (const timer of timers.values()) clearTimeout(timer);
    };
  }, [chat]);
}
