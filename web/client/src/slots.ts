/** Who is in which slot, and which of the receive tracks that gives each participant. Pure. */
import type { SlotAssignment, SlotsState, Source } from "./protocol";

export type TrackKind = "audio" | "video";

/** One receive media section of the peer connection. */
export interface ReceiveTrack {
  mid: string;
  kind: TrackKind;
  track: MediaStreamTrack;
}

export type SourceTracks = Partial<Record<Source, MediaStreamTrack>>;

/** Takes whole slot states; an older one than the newest seen is ignored. */
export class SlotTable {
  #version = -1;
  #slots: readonly SlotAssignment[] = [];

  /** A new peer connection: versions start again. */
  reset(): void {
    this.#version = -1;
    this.#slots = [];
  }

  /** True when the state was news. */
  apply(state: SlotsState): boolean {
    if (state.slots_version <= this.#version) return false;
    this.#version = state.slots_version;
    this.#slots = state.slots;
    return true;
  }

  /** Forget what a participant who left had, before the server says so too. */
  release(participantId: string): void {
    this.#slots = this.#slots.map((slot) =>
      slot.participant_id === participantId ? { ...slot, participant_id: null, source: null } : slot,
    );
  }

  owner(mid: string): { participantId: string; source: Source } | null {
    const slot = this.#slots.find((candidate) => candidate.mid === mid);
    return slot?.participant_id && slot.source ? { participantId: slot.participant_id, source: slot.source } : null;
  }

  /** participant_id -> source -> track. A source in the wrong kind of section is no track. */
  tracks(received: readonly ReceiveTrack[]): Map<string, SourceTracks> {
    const byParticipant = new Map<string, SourceTracks>();
    for (const { mid, kind, track } of received) {
      const owner = this.owner(mid);
      if (!owner || (owner.source === "microphone") !== (kind === "audio")) continue;
      const tracks = byParticipant.get(owner.participantId) ?? {};
      tracks[owner.source] ??= track;
      byParticipant.set(owner.participantId, tracks);
    }
    return byParticipant;
  }
}
