/** Who is shown where. Pure. */
import type { ParticipantView } from "@alltid-oppet/client";

export interface Arrangement {
  /** Somebody else's shared screen, shown large. */
  screen: ParticipantView | null;
  /** The tiles, in order. */
  tiles: ParticipantView[];
  /** In a conversation of two, oneself is a small picture in the corner instead of a tile. */
  corner: ParticipantView | null;
  /** How many are in the meeting but not in the picture. */
  hidden: number;
}

export function arrange(participants: readonly ParticipantView[], capacity: number): Arrangement {
  const self = participants.find((participant) => participant.isSelf) ?? null;
  const others = participants.filter((participant) => !participant.isSelf);
  const screen = others.find((participant) => participant.sources.screen && participant.tracks.screen) ?? null;
  const corner = others.length === 1 && !screen ? self : null;
  const everybody = [...others, ...(self && !corner ? [self] : [])];
  if (everybody.length <= capacity) return { screen, tiles: everybody, corner, hidden: 0 };
  // One place goes to the tile that says how many more there are. Oneself and whoever speaks or is seen go first.
  const first = (participant: ParticipantView): boolean =>
    participant.isSelf || participant.speaking || participant.tracks.camera !== undefined;
  const chosen = new Set([...everybody.filter(first), ...everybody.filter((one) => !first(one))].slice(0, capacity - 1));
  const tiles = everybody.filter((participant) => chosen.has(participant));
  return { screen, tiles, corner, hidden: everybody.length - tiles.length };
}
