/** Turns two getStats reports into one quality sample per receive section, and one for what we send. Pure. */
import type { MediaPath, Report } from "./protocol";
import type { QualitySample } from "./quality";

/** The fields of the W3C statistics that we read (webrtc-stats, inbound-rtp and friends). */
export interface StatsEntry {
  id: string;
  type: string;
  timestamp: number;
  mid?: string;
  packetsReceived?: number;
  packetsLost?: number;
  totalFreezesDuration?: number;
  concealedSamples?: number;
  totalSamplesReceived?: number;
  silentConcealedSamples?: number;
  currentRoundTripTime?: number;
  roundTripTime?: number;
  fractionLost?: number;
  freezeCount?: number;
  jitter?: number;
  localCandidateId?: string;
  candidateType?: string;
  protocol?: string;
  relayProtocol?: string;
  state?: string;
  nominated?: boolean;
}

export type StatsSnapshot = ReadonlyMap<string, StatsEntry>;

export function snapshot(report: RTCStatsReport): StatsSnapshot {
  const entries = new Map<string, StatsEntry>();
  report.forEach((entry: StatsEntry) => entries.set(entry.id, entry));
  return entries;
}

export function roundTripMs(now: StatsSnapshot): number | null {
  for (const entry of now.values()) {
    const inUse = entry.type === "candidate-pair" && entry.nominated && entry.state === "succeeded";
    if (inUse && entry.currentRoundTripTime !== undefined) return entry.currentRoundTripTime * 1000;
  }
  return null;
}

/** What the browser has counted since its peer connection began, for the record of the visit. */
export function callReport(now: StatsSnapshot): Report {
  const report: Report = { freezes: 0, frozen_ms: 0, jitter_ms: 0, path: path(now) };
  for (const entry of now.values()) {
    if (entry.type !== "inbound-rtp") continue;
    report.freezes += entry.freezeCount ?? 0;
    report.frozen_ms += Math.round((entry.totalFreezesDuration ?? 0) * 1000);
    report.jitter_ms = Math.max(report.jitter_ms, Math.min(60_000, Math.round((entry.jitter ?? 0) * 1000)));
  }
  return report;
}

const RELAYS: Record<string, MediaPath> = { udp: "relay_udp", tcp: "relay_tcp", tls: "relay_tls" };

function path(now: StatsSnapshot): MediaPath {
  for (const entry of now.values()) {
    if (entry.type !== "candidate-pair" || !entry.nominated || entry.state !== "succeeded") continue;
    const local = now.get(entry.localCandidateId ?? "");
    if (local?.candidateType === "relay") return RELAYS[local.relayProtocol ?? ""] ?? "";
    if (local?.protocol === "udp" || local?.protocol === "tcp") return local.protocol;
  }
  return "";
}

/** mid -> sample, for every inbound stream that both reports know. */
export function receivedSamples(before: StatsSnapshot, now: StatsSnapshot): Map<string, QualitySample> {
  const samples = new Map<string, QualitySample>();
  const roundTrip = roundTripMs(now);
  for (const entry of now.values()) {
    const earlier = before.get(entry.id);
    if (entry.type !== "inbound-rtp" || entry.mid === undefined || !earlier) continue;
    const grown = (field: Counter): number => Math.max(0, (entry[field] ?? 0) - (earlier[field] ?? 0));
    const seconds = (entry.timestamp - earlier.timestamp) / 1000;
    const soundSamples = grown("totalSamplesReceived");
    const concealed = Math.max(0, grown("concealedSamples") - grown("silentConcealedSamples"));
    samples.set(entry.mid, {
      received: grown("packetsReceived"),
      lost: grown("packetsLost"),
      frozenShare: seconds > 0 ? grown("totalFreezesDuration") / seconds : 0,
      concealedShare: soundSamples > 0 ? concealed / soundSamples : 0,
      roundTripMs: roundTrip,
    });
  }
  return samples;
}

type Counter =
  | "packetsReceived"
  | "packetsLost"
  | "totalFreezesDuration"
  | "concealedSamples"
  | "silentConcealedSamples"
  | "totalSamplesReceived";

/** What the server says of our own sending: the worst of its receiver reports. */
export function sentSample(now: StatsSnapshot): QualitySample | null {
  let worst: number | null = null;
  let reported = roundTripMs(now);
  for (const entry of now.values()) {
    if (entry.type !== "remote-inbound-rtp" || entry.fractionLost === undefined) continue;
    worst = Math.max(worst ?? 0, entry.fractionLost);
    if (reported === null && entry.roundTripTime !== undefined) reported = entry.roundTripTime * 1000;
  }
  if (worst === null) return null;
  return { received: 1 - worst, lost: worst, frozenShare: 0, concealedShare: 0, roundTripMs: reported };
}

/** The worse of two samples of one person (sound and picture). */
export function combine(one: QualitySample, other: QualitySample): QualitySample {
  return {
    received: one.received + other.received,
    lost: one.lost + other.lost,
    frozenShare: Math.max(one.frozenShare, other.frozenShare),
    concealedShare: Math.max(one.concealedShare, other.concealedShare),
    roundTripMs: one.roundTripMs ?? other.roundTripMs,
  };
}
