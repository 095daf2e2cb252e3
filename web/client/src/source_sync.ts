/** Keeps the server told which sources are active: one message at a time per source, the newest wish wins. */
import { failureCode } from "./signalling";
import type { SetSource, Source, Sources } from "./protocol";

const SOURCES: readonly Source[] = ["microphone", "camera", "screen"];
/** After a refusal or a lost answer, when to try again. */
const RETRY_MS = 1_000;

export class SourceSync {
  readonly #send: (message: SetSource) => Promise<unknown>;
  readonly #wanted: () => Sources;
  /** What the server knows, or null while it cannot be told. */
  #told: Sources | null = null;
  #epoch = 0;
  readonly #sending = new Set<Source>();

  constructor(send: (message: SetSource) => Promise<unknown>, wanted: () => Sources) {
    this.#send = send;
    this.#wanted = wanted;
  }

  /** The server is reachable and believes this. */
  start(told: Sources): void {
    this.#epoch += 1;
    this.#told = { ...told };
    this.#sending.clear();
    for (const source of SOURCES) this.update(source);
  }

  /** The server cannot be reached for now. */
  stop(): void {
    this.#epoch += 1;
    this.#told = null;
  }

  /** This source may have changed. */
  update(source: Source): void {
    const active = this.#wanted()[source];
    if (!this.#told || this.#sending.has(source) || this.#told[source] === active) return;
    const epoch = this.#epoch;
    this.#sending.add(source);
    const done = (): void => {
      if (epoch !== this.#epoch) return;
      this.#sending.delete(source);
      this.update(source);
    };
    this.#send({ source, active }).then(
      () => {
        if (epoch === this.#epoch && this.#told) this.#told[source] = active;
        done();
      },
      (error: unknown) => {
        // A message the server will never take is not sent again and again.
        if (epoch === this.#epoch && this.#told && failureCode(error) === "invalid_message") this.#told[source] = active;
        setTimeout(done, RETRY_MS);
      },
    );
  }
}
