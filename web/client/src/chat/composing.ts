/** Tells the others that one writes, and with real-time text what one writes, as it is written. */
import type { ChatLive, ChatType } from "../chat_protocol";
import { LiveWriter } from "./live_text";
import { newId } from "./ids";

/** `chat_type` lasts 6 s at the server. */
const AGAIN_MS = 3_000;
/** EN 301 549, 6.2.4 wants text with the others within 500 ms. */
const LIVE_MS = 300;
const WHOLE_MS = 3_100;

export interface ComposingTells {
  typing(payload: Omit<ChatType, "conversation_id">): void;
  live(payload: Omit<ChatLive, "conversation_id">): void;
}

export class Composing {
  readonly #tells: ComposingTells;
  #writer: LiveWriter | null = null;
  #text = "";
  #typedAt: number | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #repeat: ReturnType<typeof setTimeout> | undefined;

  constructor(tells: ComposingTells) {
    this.#tells = tells;
  }

  /** The text at hand has changed; with `live` the others read along. */
  write(text: string, live: boolean): void {
    this.#sayTyping(text !== "");
    if (!live && !this.#writer) return;
    this.#writer ??= new LiveWriter(newId());
    // Switched off in the middle of a text: what was shown of it goes.
    this.#text = live ? text : "";
    this.#timer ??= setTimeout(() => this.#sayLive(), LIVE_MS);
  }

  /** The text is sent: the id that its message must have. */
  finish(): string {
    const id = this.#writer?.draftId ?? newId();
    this.#writer = null;
    this.#typedAt = null;
    this.pause();
    return id;
  }

  /** The socket is gone: say it again on the next one. */
  pause(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#repeat);
    this.#timer = undefined;
    this.#typedAt = null;
  }

  #sayTyping(typing: boolean): void {
    const now = performance.now();
    if (!typing && this.#typedAt === null) return;
    if (typing && this.#typedAt !== null && now - this.#typedAt < AGAIN_MS) return;
    this.#typedAt = typing ? now : null;
    this.#tells.typing({ typing });
  }

  #sayLive(): void {
    this.#timer = undefined;
    clearTimeout(this.#repeat);
    const said = this.#writer?.write(this.#text, performance.now());
    if (said) {
      this.#tells.live(said);
      // Once more in full after a pause, for those who missed a part.
      if (this.#text !== "") this.#repeat = setTimeout(() => this.#sayLive(), WHOLE_MS);
    }
    if (this.#text === "") this.#writer = null;
  }
}
