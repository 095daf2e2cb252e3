import { useEffect, useRef } from "preact/hooks";
import { seconds } from "./logic";
import { useBookingText } from "./texts";
import type { Slot } from "./types";
import { useWhen } from "./when";

interface Props {
  alternatives: readonly Slot[];
  now: number;
  busy: string | null;
  onChoose: (slot: Slot) => void;
}

/** Somebody else was faster: the nearest times that are left. */
export function Taken({ alternatives, now, busy, onChoose }: Props) {
  const b = useBookingText();
  const when = useWhen(now);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // Once the dialog, if it was one, has given the focus back.
    const frame = requestAnimationFrame(() => heading.current?.focus());
    return () => cancelAnimationFrame(frame);
  }, [alternatives]);
  return (
    <section class="ds-alert" data-color="warning" data-testid="taken">
      <h2 class="ds-heading" data-size="2xs" ref={heading} tabIndex={-1}>
        {b("taken_title")}
      </h2>
      {alternatives.length === 0 ? (
        <p>{b("taken_none")}</p>
      ) : (
        <>
          <p>{b("alternatives")}</p>
          <div class="ap-actions">
            {alternatives.map((slot) => (
              <button
                key={slot.slot_id}
                type="button"
                class="ds-button"
                data-variant="secondary"
                data-testid="alternative"
                aria-busy={busy === slot.slot_id}
                aria-disabled={busy !== null}
                onClick={() => onChoose(slot)}
              >
                {when(seconds(slot.starts_at))}
              </button>
            ))}
          </div>
        </>
      )}
    </section>
  );
}
