import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FileError, HttpFiles } from "../../src/chat/files";

/** A request whose bytes go where the test says. */
class FakeRequest {
  static last: FakeRequest;
  upload: { onprogress?: (at: { loaded: number; total: number }) => void; onload?: () => void } = {};
  status = 0;
  responseText = "";
  onload?: () => void;
  onerror?: () => void;
  onabort?: () => void;
  onloadend?: () => void;
  aborted = false;

  constructor() {
    FakeRequest.last = this;
  }
  open(): void {}
  setRequestHeader(): void {}
  send(): void {}
  abort(): void {
    this.aborted = true;
    this.onabort?.();
    this.onloadend?.();
  }
  answer(status: number, body: unknown): void {
    this.status = status;
    this.responseText = typeof body === "string" ? body : JSON.stringify(body);
    this.onload?.();
    this.onloadend?.();
  }
}

const VIEW = { attachment_id: "att-1" };
let stop: AbortController;
let shares: number[];

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("XMLHttpRequest", FakeRequest);
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify({ url: "/api/attachments/x" }))));
  stop = new AbortController();
  shares = [];
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** What became of an upload: the file's view, or the code of why not. */
async function begun(): Promise<{ request: FakeRequest; end: Promise<unknown> }> {
  const files = new HttpFiles("/api/cases/a/attachments", () => ({}));
  const end = files.upload(new File(["hello"], "a.txt"), (share) => shares.push(share), stop.signal).catch((error: unknown) => (error instanceof FileError ? error.code : error));
  await vi.advanceTimersByTimeAsync(0);
  return { request: FakeRequest.last, end };
}

describe("a file on its way up", () => {
  it("arrives, however slowly, and holds no timer then", async () => {
    const { request, end } = await begun();
    for (let loaded = 1; loaded <= 5; loaded += 1) {
      await vi.advanceTimersByTimeAsync(50_000);
      request.upload.onprogress!({ loaded, total: 5 });
    }
    request.upload.onload!();
    await vi.advanceTimersByTimeAsync(100_000); // the server looks at it
    request.answer(201, VIEW);
    expect(await end).toEqual(VIEW);
    expect(shares).toEqual([0.2, 0.4, 0.6, 0.8, 1]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is lost when the network breaks, goes quiet, or brings no answer", async () => {
    const broken = await begun();
    broken.request.onerror!();
    expect(await broken.end).toBe("unreachable");

    const quiet = await begun();
    quiet.request.upload.onprogress!({ loaded: 1, total: 5 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await quiet.end).toBe("unreachable");
    expect(quiet.request.aborted).toBe(true);

    const unanswered = await begun();
    unanswered.request.upload.onload!();
    await vi.advanceTimersByTimeAsync(119_000);
    expect(unanswered.request.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await unanswered.end).toBe("unreachable");
  });

  it("is lost when nobody says where it may go", async () => {
    vi.stubGlobal("fetch", (_url: string, { signal }: RequestInit) => new Promise((_resolve, reject) => signal!.addEventListener("abort", () => reject(new Error("aborted")))));
    const { end } = await begun();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await end).toBe("unreachable");

    const left = await begun();
    stop.abort();
    expect(await left.end).toBe("aborted");
  });

  it("says what the server says of it", async () => {
    for (const [status, body, code] of [
      [415, { error: { code: "file_infected" } }, "file_infected"],
      [413, "<html>", "internal"],
      [502, "null", "internal"],
    ] as const) {
      const { request, end } = await begun();
      request.answer(status, body);
      expect(await end).toBe(code);
    }
    const limit = { of: "file_bytes", most: 20 };
    vi.stubGlobal("fetch", () => Promise.resolve(new Response(JSON.stringify({ error: { code: "too_large", limit } }), { status: 413 })));
    const refused = new HttpFiles("/api/cases/a/attachments", () => ({})).upload(new File(["hello"], "a.txt"), () => undefined, stop.signal);
    await expect(refused).rejects.toMatchObject({ code: "too_large", limit });
  });

  it("is left when whoever sends it leaves", async () => {
    const { request, end } = await begun();
    stop.abort();
    expect(await end).toBe("aborted");
    expect(request.aborted).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });
});
