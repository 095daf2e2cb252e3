import { describe, expect, it } from "vitest";
import { ApiError, HttpApi } from "../src/api";

interface Asked {
  url: string;
  init: RequestInit;
}

/** An API whose answers are given one by one. */
function bench(...answers: (Response | Error)[]): { api: HttpApi; asked: Asked[] } {
  const asked: Asked[] = [];
  const api = new HttpApi((url, init) => {
    asked.push({ url, init });
    const answer = answers.shift()!;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  });
  return { api, asked };
}

const ok = (body: unknown, status = 200): Response => new Response(JSON.stringify(body), { status });
const refused = (status: number, code: string, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify({ error: { code } }), { status, headers });
const csrf = ({ init }: Asked): string | undefined => (init.headers as Record<string, string>)["X-CSRF-Token"];

async function failure(promise: Promise<unknown>): Promise<ApiError> {
  return promise.then(
    () => Promise.reject(new Error("nothing was refused")),
    (error: ApiError) => error,
  );
}

describe("the CSRF token", () => {
  it("goes with what changes something, and is replaced by each new session", async () => {
    const { api, asked } = bench(ok({ csrf_token: "one" }), ok({ csrf_token: "two" }), ok({ meetings: [] }), ok({ token: "t" }));
    await api.session();
    await api.chooseCommission("SE1");
    await api.meetings();
    await api.meetingToken("m/1");
    expect(asked.map(csrf)).toEqual([undefined, "one", undefined, "two"]);
    expect(asked.map(({ url, init }) => `${init.method} ${url}`)).toEqual([
      "GET /api/session",
      "POST /api/session/commission",
      "GET /api/meetings",
      "POST /api/meetings/m%2F1/token",
    ]);
    expect(asked.every(({ init }) => init.credentials === "same-origin")).toBe(true);
  });

  it("is forgotten with the session", async () => {
    const { api, asked } = bench(ok({ csrf_token: "one" }), ok({ end_session_url: null }), ok({ token: "t" }));
    await api.session();
    await api.logout();
    await api.useLink("link", "Bo");
    expect(csrf(asked[2]!)).toBeUndefined();
    expect(asked[2]!.init.body).toBe('{"link":"link","display_name":"Bo"}');
  });
});

describe("what a page asks by itself", () => {
  it("says so, since it is no use of the session", async () => {
    const { api, asked } = bench(ok({ meetings: [] }), ok({ meetings: [] }));
    await api.meetings(true);
    await api.meetings();
    expect(asked.map(({ init }) => (init.headers as Record<string, string>)["X-Background"])).toEqual(["1", undefined]);
  });
});

describe("answers", () => {
  it("of nobody logged in are no session, not an error", async () => {
    const { api } = bench(refused(401, "not_logged_in"));
    expect(await api.session()).toBeNull();
  });

  it("that refuse carry the server's code, and how long to wait", async () => {
    const { api } = bench(refused(429, "too_many", { "Retry-After": "7" }), refused(401, "not_logged_in"));
    expect(await failure(api.meetings())).toMatchObject({ code: "too_many", status: 429, retryAfterS: 7, needsLogin: false });
    expect(await failure(api.meetings())).toMatchObject({ needsLogin: true, retryAfterS: null });
  });

  it("that are no JSON, or never come, are errors of their own", async () => {
    const { api } = bench(new Response("<html>", { status: 502 }), new TypeError("Failed to fetch"));
    expect(await failure(api.session())).toMatchObject({ code: "internal", status: 502 });
    expect(await failure(api.session())).toMatchObject({ code: "unreachable", status: 0 });
  });

  it("without a body are fine where nothing is to be told", async () => {
    const { api } = bench(new Response(null, { status: 204 }), new Response(null, { status: 204 }));
    await api.revokeLink("m1", "l1");
    expect(await api.logout()).toEqual({ end_session_url: null });
  });
});

describe("a route that may be asked again", () => {
  it("gets its key beside the CSRF token, which it cannot replace", async () => {
    const { api, asked } = bench(ok({ csrf_token: "one" }), ok({}, 201));
    await api.session();
    await api.request("POST", "/api/care/bookings", {}, false, { "Idempotency-Key": "key-0001", "X-CSRF-Token": "forged" });
    expect(asked[1]!.init.headers).toMatchObject({ "Idempotency-Key": "key-0001", "X-CSRF-Token": "one" });
  });

  it("tells what a problem has beside its code", async () => {
    const alternatives = [{ slot_id: "sl-1", unit_hsa_id: "SE1", starts_at: "2026-11-23T09:00:00Z" }];
    const { api } = bench(new Response(JSON.stringify({ code: "slot_taken", alternatives }), { status: 409 }));
    const error = await failure(api.request("POST", "/api/care/holds", {}));
    expect([error.code, error.problem["alternatives"]]).toEqual(["slot_taken", alternatives]);
  });
});
