/**
 * What survives a reload of the page: the right to the same place, and what was muted.
 * Kept per room and identity in the tab's sessionStorage, which ends with the tab.
 */
import type { Source } from "./protocol";

export interface Remembered {
  /** Proves the right to a place in the room, or in its waiting room. */
  resumeToken: string;
  /** The place is in the waiting room. */
  waiting: boolean;
  active: Record<Exclude<Source, "screen">, boolean>;
}

export interface SessionMemory {
  load(): Remembered | null;
  save(value: Remembered): void;
  clear(): void;
}

export class TabMemory implements SessionMemory {
  readonly #key: string;

  constructor(room: string, identity: string) {
    this.#key = `alltid-oppet:${encodeURIComponent(room)}:${encodeURIComponent(identity)}`;
  }

  load(): Remembered | null {
    try {
      const value: unknown = JSON.parse(sessionStorage.getItem(this.#key) ?? "null");
      return isRemembered(value) ? value : null;
    } catch {
      return null;
    }
  }

  save(value: Remembered): void {
    try {
      sessionStorage.setItem(this.#key, JSON.stringify(value));
    } catch {
      // Storage is full or forbidden: a reload will then take a new place.
    }
  }

  clear(): void {
    try {
      sessionStorage.removeItem(this.#key);
    } catch {
      // Forbidden storage holds nothing either.
    }
  }
}

function isRemembered(value: unknown): value is Remembered {
  if (typeof value !== "object" || value === null) return false;
  const { resumeToken, waiting, active } = value as Record<string, unknown>;
  if (typeof resumeToken !== "string" || typeof waiting !== "boolean" || typeof active !== "object" || active === null) return false;
  const { microphone, camera } = active as Record<string, unknown>;
  return typeof microphone === "boolean" && typeof camera === "boolean";
}
