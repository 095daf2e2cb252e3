/** Which videos the server should send, by what is on the screen and how large. Pure. */
import type { ParticipantView, Quality, WantedSource } from "@alltid-oppet/client";
import type { Arrangement } from "./arrange";

/** Widths in pixels of the screen from which the next size pays; the camera sends 320, 640 and 1280 wide. */
const MEDIUM_FROM = 360;
const HIGH_FROM = 720;

/** What a picture of that width is worth. */
export function qualityFor(width: number): Quality {
  return width >= HIGH_FROM ? "high" : width >= MEDIUM_FROM ? "medium" : "low";
}

const camera = (person: ParticipantView, quality: Quality): WantedSource => ({
  participant_id: person.participant_id,
  source: "camera",
  quality,
});

/** The shared screen first (text has to be sharp), then who speaks, then the tiles in their order. */
export function wantedSources({ screen, tiles }: Arrangement, tileWidth: number): WantedSource[] {
  const quality = qualityFor(tileWidth);
  const others = tiles.filter((person) => !person.isSelf);
  const ordered = [...others.filter((person) => person.speaking), ...others.filter((person) => !person.speaking)];
  return [
    ...(screen ? [{ participant_id: screen.participant_id, source: "screen" as const, quality: "high" as const }] : []),
    ...ordered.map((person) => camera(person, quality)),
  ];
}
