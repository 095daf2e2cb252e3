/** How well a person's sound and picture come through, from what getStats counted in one period. Pure. */
export type Quality = "good" | "fair" | "poor" | "unknown";

/** Counts of one period for one person (received), or for oneself (as the server received). */
export interface QualitySample {
  /** Packets that arrived and packets that did not. */
  received: number;
  lost: number;
  /** Share of the period (0..1) in which the picture stood still. */
  frozenShare: number;
  /** Share of the sound samples (0..1) the browser had to invent. */
  concealedShare: number;
  /** Round trip to the server in milliseconds, or null when unknown. */
  roundTripMs: number | null;
}

/** Above the first limit a call is felt to suffer, above the second it is hard to use (cf. ITU-T G.1070, G.114). */
const LIMITS = {
  loss: [0.03, 0.1],
  frozenShare: [0.03, 0.2],
  concealedShare: [0.05, 0.2],
  roundTripMs: [350, 800],
} as const;

export function grade(sample: QualitySample): Quality {
  const packets = sample.received + sample.lost;
  if (packets <= 0) return "unknown";
  const values: [number, readonly [number, number]][] = [
    [Math.max(0, sample.lost) / packets, LIMITS.loss],
    [sample.frozenShare, LIMITS.frozenShare],
    [sample.concealedShare, LIMITS.concealedShare],
    [sample.roundTripMs ?? 0, LIMITS.roundTripMs],
  ];
  if (values.some(([value, [, poor]]) => value > poor)) return "poor";
  return values.some(([value, [fair]]) => value > fair) ? "fair" : "good";
}

const RANK: Record<Quality, number> = { unknown: -1, good: 0, fair: 1, poor: 2 };

/** Gets worse at once and better only after `calmPeriods` better periods, so that the mark does not flicker. */
export class QualityTracker {
  #shown: Quality = "unknown";
  #better = 0;
  readonly #calmPeriods: number;

  constructor(calmPeriods = 3) {
    this.#calmPeriods = calmPeriods;
  }

  update(measured: Quality): Quality {
    if (measured === "unknown") return this.#shown;
    if (this.#shown === "unknown" || RANK[measured] >= RANK[this.#shown]) {
      this.#shown = measured;
      this.#better = 0;
    } else if (++this.#better >= this.#calmPeriods) {
      this.#shown = measured;
      this.#better = 0;
    }
    return this.#shown;
  }
}
