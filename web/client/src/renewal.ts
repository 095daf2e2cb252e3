/** Keeps a meeting token fresh: asks for the next one at two thirds of its life. */
import { isPassing } from "./errors";
import { failureCode } from "./signalling";
import { readToken } from "./token";

/** Of a token's life, when the next one is asked for. */
const SHARE = 2 / 3;
const RETRY_MS = 10_000;
/** A browser's timer of more than 2^31 - 1 ms fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** So long after it was made a token wants renewal; null when it says nothing of its life. */
export function renewAfterMs(token: string): number | null {
  const lifetime = readToken(token)?.lifetimeMs ?? null;
  return lifetime === null ? null : Math.max(1_000, lifetime * SHARE);
}

export interface RenewalOptions {
  /** Asks for the next token; fails while there is no socket. */
  renew: () => Promise<string>;
  /** Takes the next token. */
  renewed: (token: string) => void;
}

export class Renewal {
  readonly #options: RenewalOptions;
  #dueAt: number | null = null;
  #active = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  /** A token that was made just now. */
  take(token: string): void {
    const after = renewAfterMs(token);
    this.#dueAt = after === null ? null : performance.now() + after;
    this.#schedule();
  }

  /** The server knows the socket as ours: a renewal that is due can be asked for. */
  resume(): void {
    this.#active = true;
    this.#schedule();
  }

  pause(): void {
    this.#active = false;
    clearTimeout(this.#timer);
  }

  #schedule(waitMs = this.#dueAt === null ? null : this.#dueAt - performance.now()): void {
    clearTimeout(this.#timer);
    if (!this.#active || waitMs === null) return;
    this.#timer = setTimeout(() => void this.#renew(), Math.min(LONGEST_MS, Math.max(0, waitMs)));
  }

  async #renew(): Promise<void> {
    try {
      const token = await this.#options.renew();
      this.#options.renewed(token);
      this.take(token);
    } catch (error) {
      // A refusal for good needs nothing here: the server closes those whom it does not want any more.
      if (isPassing(failureCode(error))) this.#schedule(RETRY_MS);
    }
  }
}
