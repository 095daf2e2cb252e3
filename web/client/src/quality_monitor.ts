/** Asks getStats every two seconds and keeps one quality mark per person. */
import type { Peer } from "./peer";
import { type Quality, QualityTracker, type QualitySample, grade } from "./quality";
import { type StatsSnapshot, combine, receivedSamples, sentSample, snapshot } from "./stats";

const PERIOD_MS = 2_000;

export class QualityMonitor {
  readonly #owner: (mid: string) => string | null;
  readonly #changed: () => void;
  #trackers = new Map<string, QualityTracker>();
  #marks = new Map<string, Quality>();
  #before: StatsSnapshot | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #selfId: string | null = null;

  constructor(owner: (mid: string) => string | null, changed: () => void) {
    this.#owner = owner;
    this.#changed = changed;
  }

  mark(participantId: string): Quality {
    return this.#marks.get(participantId) ?? "unknown";
  }

  start(peer: Peer, selfId: string): void {
    this.stop();
    this.#selfId = selfId;
    this.#timer = setInterval(() => void this.#measure(peer), PERIOD_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#before = null;
  }

  async #measure(peer: Peer): Promise<void> {
    if (peer.connection.connectionState !== "connected") return;
    const now = snapshot(await peer.connection.getStats());
    const before = this.#before;
    this.#before = now;
    if (!before) return;
    const samples = new Map<string, QualitySample>();
    for (const [mid, sample] of receivedSamples(before, now)) {
      const owner = this.#owner(mid);
      if (owner === null) continue;
      const other = samples.get(owner);
      samples.set(owner, other ? combine(other, sample) : sample);
    }
    const own = sentSample(now);
    if (own && this.#selfId) samples.set(this.#selfId, own);
    let changed = false;
    for (const [id, sample] of samples) {
      const tracker = this.#trackers.get(id) ?? new QualityTracker();
      this.#trackers.set(id, tracker);
      const mark = tracker.update(grade(sample));
      changed ||= mark !== this.mark(id);
      this.#marks.set(id, mark);
    }
    if (changed) this.#changed();
  }
}
