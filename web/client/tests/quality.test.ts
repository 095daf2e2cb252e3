import { describe, expect, it } from "vitest";
import { type QualitySample, QualityTracker, grade } from "../src/quality";
import { type StatsEntry, callReport, combine, receivedSamples, roundTripMs, sentSample } from "../src/stats";

const fine: QualitySample = { received: 100, lost: 0, frozenShare: 0, concealedShare: 0, roundTripMs: 40 };
const report = (...entries: Partial<StatsEntry>[]) =>
  new Map(entries.map((entry) => [entry.id!, { type: "inbound-rtp", timestamp: 0, ...entry } as StatsEntry]));

describe("grade", () => {
  it("is good, fair or poor by loss, delay, freezes and invented sound", () => {
    expect(grade(fine)).toBe("good");
    expect(grade({ ...fine, received: 95, lost: 5 })).toBe("fair");
    expect(grade({ ...fine, received: 80, lost: 20 })).toBe("poor");
    expect(grade({ ...fine, roundTripMs: 500 })).toBe("fair");
    expect(grade({ ...fine, frozenShare: 0.5 })).toBe("poor");
    expect(grade({ ...fine, concealedShare: 0.1 })).toBe("fair");
  });

  it("knows nothing when no packets were due, and takes more packets than expected for no loss", () => {
    expect(grade({ ...fine, received: 0 })).toBe("unknown");
    expect(grade({ ...fine, lost: -3 })).toBe("good");
  });
});

describe("tracker", () => {
  it("gets worse at once and better after three calm periods", () => {
    const tracker = new QualityTracker(3);
    expect(tracker.update("good")).toBe("good");
    expect(tracker.update("poor")).toBe("poor");
    expect([tracker.update("good"), tracker.update("good"), tracker.update("good")]).toEqual(["poor", "poor", "good"]);
    expect(tracker.update("unknown")).toBe("good");
  });
});

describe("statistics", () => {
  it("counts what grew between two reports, by media section", () => {
    const before = report({ id: "a", mid: "3", packetsReceived: 100, packetsLost: 1, totalSamplesReceived: 48_000 });
    const now = report(
      { id: "a", mid: "3", timestamp: 2_000, packetsReceived: 190, packetsLost: 11, totalSamplesReceived: 144_000, concealedSamples: 9_600, silentConcealedSamples: 4_800, totalFreezesDuration: 0.5 },
      { id: "new", mid: "4", packetsReceived: 5 },
      { id: "pair", type: "candidate-pair", nominated: true, state: "succeeded", currentRoundTripTime: 0.08 },
    );
    expect([...receivedSamples(before, now)]).toEqual([
      ["3", { received: 90, lost: 10, frozenShare: 0.25, concealedShare: 0.05, roundTripMs: 80 }],
    ]);
    expect(roundTripMs(before)).toBeNull();
  });

  it("takes the worst of what the server says of our sending", () => {
    const now = report(
      { id: "a", type: "remote-inbound-rtp", fractionLost: 0.01, roundTripTime: 0.05 },
      { id: "b", type: "remote-inbound-rtp", fractionLost: 0.2 },
    );
    expect(grade(sentSample(now)!)).toBe("poor");
    expect(sentSample(now)!.roundTripMs).toBe(50);
    expect(sentSample(report())).toBeNull();
  });

  it("reports freezes, the worst jitter and the way media goes", () => {
    const pair = { id: "pair", type: "candidate-pair", nominated: true, state: "succeeded", localCandidateId: "here" };
    const streams = [
      { id: "a", freezeCount: 2, totalFreezesDuration: 0.4504, jitter: 0.004 },
      { id: "b", freezeCount: 1, totalFreezesDuration: 1, jitter: 0.0216 },
    ];
    const relayed = report(...streams, pair, { id: "here", type: "local-candidate", candidateType: "relay", protocol: "udp", relayProtocol: "tls" });
    expect(callReport(relayed)).toEqual({ freezes: 3, frozen_ms: 1450, jitter_ms: 22, path: "relay_tls" });
    const direct = report(pair, { id: "here", type: "local-candidate", candidateType: "host", protocol: "udp" });
    expect(callReport(direct).path).toBe("udp");
    expect(callReport(report()).path).toBe("");
  });

  it("joins sound and picture of one person to the worse of both", () => {
    expect(combine(fine, { ...fine, received: 0, lost: 50, frozenShare: 0.4 })).toMatchObject({ lost: 50, frozenShare: 0.4 });
  });
});
