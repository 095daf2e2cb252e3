import {
  Emitter,
  LocalMedia,
  type MeetingEvents,
  type MeetingSession,
  type MeetingSnapshot,
  type ParticipantView,
  type WaitingPerson,
  type WantedSource,
} from "@alltid-oppet/client";
import { face, sharedScreen } from "./pictures";

export interface DemoOptions {
  people: number;
  screen: boolean;
  /** How many wait to be let in; one is a host then. */
  waiting: number;
  state: MeetingSnapshot["state"];
}

const NAMES = ["Karin Lindqvist", "Mohammed Al-Sayed", "Ingrid Öberg", "Tolk Svenska–Arabiska", "Bo", "Elisabeth Strömgren-Åkerblom", "Sami Niemi", "Åsa Holm", "Per-Erik Ågren", "Fatima Warsame"];

/** A meeting that stands still. */
export class DemoSession extends Emitter<MeetingEvents> implements MeetingSession {
  readonly media = new LocalMedia((source) => Promise.resolve(source === "microphone" ? silence() : face(0)));
  readonly #others: ParticipantView[];
  #waiting: WaitingPerson[];
  /** What the room asked the server for last. */
  selected: { wanted: WantedSource[]; hidden: boolean } | null = null;
  readonly #isHost: boolean;
  readonly #state: MeetingSnapshot["state"];

  constructor({ people, screen, waiting, state }: DemoOptions) {
    super();
    this.#waiting = Array.from({ length: waiting }, (_, index) => waitingPerson(index));
    this.#state = state;
    this.#isHost = waiting > 0;
    this.#others = Array.from({ length: people - 1 }, (_, index) => other(index, screen && index === 0));
    this.media.on("changed", () => this.emit("changed", this.snapshot));
  }

  get snapshot(): MeetingSnapshot {
    const sources = this.media.active();
    const self: ParticipantView = {
      participant_id: "self",
      display_name: "Anna Andersson",
      role: this.#isHost ? "host" : "participant",
      state: "connected",
      sources,
      isSelf: true,
      speaking: false,
      quality: "good",
      tracks: { camera: this.media.sources.camera.track ?? undefined },
    };
    return {
      state: this.#state,
      endCode: null,
      mediaLost: false,
      roomName: "Läkarbesök, Vårdcentralen Björken",
      selfId: "self",
      participants: [self, ...this.#others],
      speakers: [],
      audio: [],
      place: null,
      waiting: this.#waiting,
    };
  }

  select(wanted: WantedSource[], hidden = false): void {
    this.selected = { wanted, hidden };
  }

  admit(participantId: string): Promise<void> {
    return this.#letGo(participantId);
  }

  remove(participantId: string): Promise<void> {
    return this.#letGo(participantId);
  }

  #letGo(participantId: string): Promise<void> {
    this.#waiting = this.#waiting.filter((person) => person.participant_id !== participantId);
    this.#others.splice(0, this.#others.length, ...this.#others.filter((one) => one.participant_id !== participantId));
    this.emit("changed", this.snapshot);
    return Promise.resolve();
  }

  leave(): void {
    this.media.stop();
  }
}

function other(index: number, screen: boolean): ParticipantView {
  const camera = index % 4 !== 2;
  return {
    participant_id: `p${index}`,
    display_name: NAMES[index % NAMES.length]!,
    role: index === 0 ? "host" : index === 3 ? "guest" : "participant",
    state: index === 4 ? "lost" : "connected",
    sources: { microphone: index % 3 !== 1, camera, screen },
    isSelf: false,
    speaking: index === 0,
    quality: (["good", "fair", "good", "poor", "unknown"] as const)[index % 5]!,
    tracks: { ...(camera && { camera: face(index + 1) }), ...(screen && { screen: sharedScreen() }) },
  };
}

function waitingPerson(index: number): WaitingPerson {
  return {
    participant_id: `w${index}`,
    display_name: ["Lars Nyström", "Amina Hassan", "Maj-Britt Söderström-Lagerkvist"][index % 3]!,
    role: index === 0 ? "participant" : "guest",
    since: Math.floor(Date.now() / 1000) - 20 - index * 200,
    state: index === 2 ? "lost" : "connected",
  };
}

function silence(): MediaStreamTrack {
  const context = new AudioContext();
  return context.createMediaStreamDestination().stream.getAudioTracks()[0]!;
}
