/** Asks getStats every two seconds and keeps one quality mark per person. */
import type { Peer } from "./peer";
import { type Quality, QualityTracker, type QualitySample, grade } from "./quality";
import type { Report } from "./protocol";
import { type StatsSnapshot, callReport, combine, receivedSamples, sentSample, snapshot } from "./stats";

const PERIOD_MS = 2_000;
/** Measurements between two reports to the server: what a page that is closed leaves untold at most. */
const REPORT_EVERY = 10;

export class QualityMonitor {
  readonly #owner: (mid: string) => string | null;
  readonly #changed: () => void;
  readonly #report: (report: Report) => void;
  #measured = 0;
  #trackers = new Map<string, QualityTracker>();
  #marks = new Map<string, Quality>();
  #before: StatsSnapshot | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #selfId: string | null = null;

  /** Tell what was counted by now, as before leaving. */
  report(): void {
    if (this.#before) this.#report(callReport(this.#before));
  }

  constructor(
    owner: (mid: string) => string | null,
    changed: () => void,
    report: (report: Report) => void = () => undefined,
  ) {
    this.#owner = owner;
    this.#changed = changed;
    this.#report = report;
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
    if (++this.#measured % REPORT_EVERY === 0) this.report();
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
