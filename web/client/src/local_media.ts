/** One's own microphone, camera and screen: on, off, muted, which device. Lives before, during and across connections. */
import { type Capture, type CaptureBoth, type CaptureProblem, CaptureError, captureBoth, captureTrack } from "./capture";
import { Emitter } from "./emitter";
import type { Source, Sources } from "./protocol";

export interface LocalSource {
  /** What the person wants: on, or off/muted. */
  active: boolean;
  track: MediaStreamTrack | null;
  deviceId: string | null;
  problem: CaptureProblem | null;
  /** The browser is being asked. */
  busy: boolean;
}

export type LocalSources = Readonly<Record<Source, Readonly<LocalSource>>>;

const OFF: LocalSource = { active: false, track: null, deviceId: null, problem: null, busy: false };

export class LocalMedia extends Emitter<{ changed: Source }> {
  #sources: Record<Source, LocalSource> = { microphone: { ...OFF }, camera: { ...OFF }, screen: { ...OFF } };
  readonly #capture: Capture;
  readonly #captureBoth: CaptureBoth;
  /** Per source, the newest wish; an older capture that comes late is thrown away. */
  readonly #wish: Record<Source, number> = { microphone: 0, camera: 0, screen: 0 };

  constructor(capture: Capture = captureTrack, both: CaptureBoth = captureBoth) {
    super();
    this.#capture = capture;
    this.#captureBoth = both;
  }

  get sources(): LocalSources {
    return this.#sources;
  }

  /** As the server is told: active and really there. */
  active(): Sources {
    const on = (source: Source): boolean => this.#sources[source].active && this.#sources[source].track !== null;
    return { microphone: on("microphone"), camera: on("camera"), screen: on("screen") };
  }

  /** Turn a source on or off. Muting keeps the microphone open for a quick return; the camera's light goes out. */
  async set(source: Source, active: boolean): Promise<void> {
    const state = this.#sources[source];
    if (!active) {
      this.#wish[source] += 1;
      if (source === "microphone" && state.track) {
        state.track.enabled = false;
        this.#update(source, { active: false, busy: false });
      } else {
        this.#drop(source, { active: false, problem: null });
      }
    } else if (state.track && state.track.readyState === "live") {
      state.track.enabled = true;
      this.#update(source, { active: true });
    } else {
      await this.#open(source);
    }
  }

  /** Microphone and camera on, with one question to the person; each for itself when that fails. */
  async start(): Promise<void> {
    const wishes = { microphone: ++this.#wish.microphone, camera: ++this.#wish.camera };
    const both = ["microphone", "camera"] as const;
    for (const source of both) this.#update(source, { active: true, busy: true, problem: null });
    const tracks = await this.#captureBoth().catch(() => null);
    for (const source of both) {
      if (wishes[source] !== this.#wish[source]) tracks?.[source].stop();
      else if (tracks) this.#took(source, tracks[source]);
      else await this.#open(source);
    }
  }

  toggle(source: Source): Promise<void> {
    return this.set(source, !this.#sources[source].active);
  }

  /** Choose another device; takes effect at once when the source is open. */
  async choose(source: "microphone" | "camera", deviceId: string): Promise<void> {
    const { active, track } = this.#sources[source];
    this.#update(source, { deviceId });
    if (!track) return;
    // Some systems cannot open a second camera beside the first.
    this.#drop(source, {});
    if (active) await this.#open(source);
  }

  /** Let go of everything. */
  stop(): void {
    for (const source of ["microphone", "camera", "screen"] as const) {
      this.#wish[source] += 1;
      this.#drop(source, { active: false });
    }
  }

  async #open(source: Source): Promise<void> {
    const wish = ++this.#wish[source];
    this.#update(source, { active: source !== "screen", busy: true, problem: null });
    try {
      const track = await this.#capture(source, this.#sources[source].deviceId);
      if (wish !== this.#wish[source]) {
        track.stop();
        return;
      }
      this.#took(source, track);
    } catch (error) {
      if (wish !== this.#wish[source]) return;
      const problem = error instanceof CaptureError ? error.problem : "failed";
      // Closing the browser's screen chooser is a change of mind, not a problem.
      const shown = source === "screen" && problem === "denied" ? null : problem;
      this.#update(source, { track: null, active: false, busy: false, problem: shown });
    }
  }

  #took(source: Source, track: MediaStreamTrack): void {
    track.addEventListener("ended", () => this.#ended(source, track));
    const deviceId = track.getSettings().deviceId ?? this.#sources[source].deviceId;
    this.#update(source, { track, active: true, busy: false, deviceId });
  }

  /** The device was unplugged, the system took it, or sharing was stopped from the browser's own bar. */
  #ended(source: Source, track: MediaStreamTrack): void {
    if (this.#sources[source].track !== track) return;
    this.#update(source, { track: null, active: false, problem: source === "screen" ? null : "not_found" });
  }

  #drop(source: Source, change: Partial<LocalSource>): void {
    this.#sources[source].track?.stop();
    this.#update(source, { track: null, busy: false, ...change });
  }

  #update(source: Source, change: Partial<LocalSource>): void {
    this.#sources = { ...this.#sources, [source]: { ...this.#sources[source], ...change } };
    this.emit("changed", source);
  }
}
