/** Files of a conversation: asked for an address, then sent or fetched there. */
import type { ChatAttachment } from "../chat_protocol";

/** What there was too much of (`file_bytes`, `conversation_files`, ...), and how much of it there may be. */
export interface FileLimit {
  of: string;
  most: number;
}

/** `code`: the server's (`too_large`, `file_refused`, ...), `unreachable`, or `aborted`. */
export class FileError extends Error {
  constructor(
    readonly code: string,
    readonly limit: FileLimit | null = null,
  ) {
    super(code);
    this.name = "FileError";
  }
}

/** A network may go without a word: when nothing has gone out for so long, or no answer came to what has. */
const STALLED_MS = 60_000;
const NO_ANSWER_MS = 120_000;

export interface ChatFiles {
  /** `onProgress`: the share that is sent, 0 to 1. Fails with `FileError`. */
  upload(file: File, onProgress: (share: number) => void, signal: AbortSignal): Promise<ChatAttachment>;
  /** The file itself, for showing or saving. */
  download(attachmentId: string): Promise<Blob>;
  /** Take one's own file back that no message carries. */
  discard(attachmentId: string): Promise<void>;
}

interface Address {
  url: string;
}

/** `path`: where addresses are asked for; `headers`: what proves who asks (a bearer token, or the CSRF token). */
export class HttpFiles implements ChatFiles {
  readonly #path: string;
  readonly #headers: () => Record<string, string>;

  constructor(path: string, headers: () => Record<string, string>) {
    this.#path = path;
    this.#headers = headers;
  }

  async upload(file: File, onProgress: (share: number) => void, signal: AbortSignal): Promise<ChatAttachment> {
    const { url } = await this.#address("POST", this.#path, { size_bytes: file.size }, signal);
    return this.#put(url, file, onProgress, signal);
  }

  async download(attachmentId: string): Promise<Blob> {
    const { url } = await this.#address("GET", `${this.#path}/${encodeURIComponent(attachmentId)}`);
    const response = await this.#fetch(url, { headers: this.#headers() });
    return response.blob();
  }

  async discard(attachmentId: string): Promise<void> {
    const path = `${this.#path}/${encodeURIComponent(attachmentId)}`;
    await this.#fetch(path, { method: "DELETE", headers: this.#headers() });
  }

  async #address(method: "GET" | "POST", path: string, body?: unknown, signal?: AbortSignal): Promise<Address> {
    const headers = { ...this.#headers(), ...(body !== undefined && { "Content-Type": "application/json" }) };
    const response = await this.#fetch(path, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
    return (await response.json()) as Address;
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    let response: Response;
    const stop = new AbortController();
    const abort = (): void => stop.abort();
    const timer = setTimeout(abort, STALLED_MS);
    if (init.signal?.aborted) abort();
    init.signal?.addEventListener("abort", abort, { once: true });
    try {
      response = await fetch(url, { credentials: "same-origin", cache: "no-store", ...init, signal: stop.signal });
    } catch {
      throw new FileError(init.signal?.aborted ? "aborted" : "unreachable");
    } finally {
      clearTimeout(timer);
    }
    if (!response.ok) throw errorOf(await response.text());
    return response;
  }

  /** XMLHttpRequest, which tells how far it is, as fetch does not. */
  #put(url: string, file: File, onProgress: (share: number) => void, signal: AbortSignal): Promise<ChatAttachment> {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("PUT", url);
      for (const [name, value] of Object.entries(this.#headers())) request.setRequestHeader(name, value);
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.setRequestHeader("X-File-Name", encodeURIComponent(file.name));
      let timer: ReturnType<typeof setTimeout> | undefined;
      const waitFor = (ms: number): void => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          reject(new FileError("unreachable"));
          request.abort();
        }, ms);
      };
      request.upload.onprogress = ({ loaded, total }) => {
        waitFor(STALLED_MS);
        onProgress(total > 0 ? loaded / total : 0);
      };
      request.upload.onload = () => waitFor(NO_ANSWER_MS);
      request.onload = () => {
        if (request.status === 201) resolve(JSON.parse(request.responseText) as ChatAttachment);
        else reject(errorOf(request.responseText));
      };
      request.onerror = () => reject(new FileError("unreachable"));
      request.onabort = () => reject(new FileError("aborted"));
      request.onloadend = () => clearTimeout(timer);
      if (signal.aborted) return reject(new FileError("aborted"));
      signal.addEventListener("abort", () => request.abort(), { once: true });
      waitFor(STALLED_MS);
      request.send(file);
    });
  }
}

function errorOf(answer: string): FileError {
  try {
    const { code, limit } = (JSON.parse(answer) as { error?: { code?: unknown; limit?: { of?: unknown; most?: unknown } } } | null)?.error ?? {};
    const { of, most } = limit ?? {};
    const known = typeof of === "string" && typeof most === "number" ? { of, most } : null;
    return new FileError(typeof code === "string" ? code : "internal", known);
  } catch {
    return new FileError("internal");
  }
}
