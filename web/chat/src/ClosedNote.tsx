import type { ConversationSnapshot } from "@alltid-oppet/client";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useTranslate } from "./i18n/texts";

interface Props {
  snapshot: ConversationSnapshot;
  writable: boolean;
  /** The focus was in the composer, which is gone. */
  takesFocus: boolean;
  /** What a page says itself. */
  closed: ComponentChildren;
}

/** Stands in the composer's place while nothing can be written, and says so when that changes under one's hands. */
export function ClosedNote({ snapshot, writable, takesFocus, closed }: Props) {
  const t = useTranslate();
  const place = useRef<HTMLDivElement>(null);
  const was = useRef(writable);
  const [isBack, setBack] = useState(false);
  const isClosed = snapshot.state !== "open" && snapshot.status !== "ended";
  useLayoutEffect(() => {
    if (isClosed && takesFocus) place.current?.focus();
  }, [isClosed]);
  useEffect(() => {
    if (isClosed) setBack(false);
    else if (writable && !was.current) setBack(true);
    was.current = writable;
  }, [isClosed, writable]);
  return (
    <div ref={place} tabIndex={-1} class="ao-chat-end">
      {/* Always there: a screen reader tells of a change in it, not of its coming. */}
      <div role="status">
        {isClosed && !closed && (
          <p class="ao-chat-note" data-testid="chat-closed">
            {t(snapshot.hostsOnly ? "hosts_only" : "closed")}
          </p>
        )}
        {isBack && <p class="ds-sr-only">{t("open_again")}</p>}
      </div>
      {isClosed && closed}
    </div>
  );
}
