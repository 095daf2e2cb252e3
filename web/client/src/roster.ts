/** Who is in the room, as the server tells it. Pure. */
import type { Participant } from "./protocol";

export class Roster {
  #participants = new Map<string, Participant>();
  #speakers: readonly string[] = [];
  selfId: string | null = null;

  /** The whole list, at join and resume. Keeps the order in which people were first seen. */
  replace(participants: readonly Participant[], selfId: string | null = this.selfId): void {
    this.selfId = selfId;
    const incoming = new Map(participants.map((participant) => [participant.participant_id, participant]));
    const kept = [...this.#participants.keys()].filter((id) => incoming.has(id));
    const ids = [...kept, ...[...incoming.keys()].filter((id) => !this.#participants.has(id))];
    this.#participants = new Map(ids.map((id) => [id, incoming.get(id)!]));
    this.#speakers = this.#speakers.filter((id) => incoming.has(id));
  }

  set(participant: Participant): void {
    this.#participants.set(participant.participant_id, participant);
  }

  remove(participantId: string): Participant | undefined {
    const participant = this.#participants.get(participantId);
    this.#participants.delete(participantId);
    this.#speakers = this.#speakers.filter((id) => id !== participantId);
    return participant;
  }

  setSpeakers(participantIds: readonly string[]): void {
    this.#speakers = participantIds.filter((id) => this.#participants.has(id));
  }

  get(participantId: string): Participant | undefined {
    return this.#participants.get(participantId);
  }

  isSpeaking(participantId: string): boolean {
    return this.#speakers.includes(participantId);
  }

  get speakers(): readonly string[] {
    return this.#speakers;
  }

  all(): Participant[] {
    return [...this.#participants.values()];
  }
}
