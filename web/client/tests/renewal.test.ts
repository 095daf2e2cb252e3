import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MeetingError } from "../src/errors";
import { Renewal, renewAfterMs } from "../src/renewal";
import { token } from "./fakes";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a token", () => {
  it("is renewed at two thirds of its life, whatever the clocks say", () => {
    expect(renewAfterMs(token({ iat: 1_000, exp: 1_300 }))).toBe(200_000);
    expect(renewAfterMs(token({ iat: undefined }))).toBeNull();
    expect(renewAfterMs("no token")).toBeNull();
  });
});

describe("renewal", () => {
  const next = token({ iat: 2_000, exp: 2_600 });

  function begin(renew: () => Promise<string>): { renewal: Renewal; taken: string[]; asked: ReturnType<typeof vi.fn> } {
    const taken: string[] = [];
    const asked = vi.fn(renew);
    const renewal = new Renewal({ renew: asked, renewed: (fresh) => taken.push(fresh) });
    renewal.take(token({ iat: 1_000, exp: 1_300 }));
    return { renewal, taken, asked };
  }

  it("goes on from token to token while the socket is ours", async () => {
    const { renewal, taken, asked } = begin(() => Promise.resolve(next));
    renewal.resume();
    await vi.advanceTimersByTimeAsync(199_999);
    expect(asked).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(taken).toEqual([next]);
    await vi.advanceTimersByTimeAsync(400_000);
    expect(taken).toEqual([next, next]);
  });

  it("waits for a socket, and asks at once when it is overdue", async () => {
    const { renewal, asked } = begin(() => Promise.resolve(next));
    await vi.advanceTimersByTimeAsync(250_000);
    expect(asked).not.toHaveBeenCalled();
    renewal.resume();
    await vi.advanceTimersByTimeAsync(0);
    expect(asked).toHaveBeenCalledOnce();
    renewal.pause();
    await vi.advanceTimersByTimeAsync(500_000);
    expect(asked).toHaveBeenCalledOnce();
  });

  it("tries again after a fault that passes, and not after a refusal", async () => {
    let code: "internal" | "revoked" = "internal";
    const { renewal, asked } = begin(() => Promise.reject(new MeetingError(code, code)));
    renewal.resume();
    await vi.advanceTimersByTimeAsync(200_000);
    expect(asked).toHaveBeenCalledTimes(1);
    code = "revoked";
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(asked).toHaveBeenCalledTimes(2);
  });
});
