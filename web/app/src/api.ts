/** The front's HTTP API for these pages: typed, with the CSRF token on everything that changes something. */
import type {
  GuestLink,
  LinkRole,
  LoggedOut,
  MeetingSummary,
  MeetingToken,
  NewGuestLink,
  Session,
} from "./api_types";

export type * from "./api_types";

/** A refused request. `code` is the server's, or `unreachable` when no answer came. */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    readonly retryAfterS: number | null = null,
    /** The field of what was sent that is wrong, where the server names one. */
    readonly field: string | null = null,
    /** All that a problem of the companion says: some have members of their own (`alternatives`). */
    readonly problem: Readonly<Record<string, unknown>> = {},
  ) {
    super(code);
    this.name = "ApiError";
  }

  /** Nobody is logged in, or not any more. */
  get needsLogin(): boolean {
    return this.status === 401;
  }

  /** The same request may succeed a little later. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export interface Api {
  /** Who is logged in; null when nobody is. */
  session(): Promise<Session | null>;
  chooseCommission(commissionHsaId: string): Promise<Session>;
  /** Act for somebody else from now on, or as oneself again (null). */
  actFor(subject: string | null): Promise<Session>;
  logout(): Promise<LoggedOut>;
  /** `unasked`: a page loads them by itself, which is no use of the session. */
  meetings(unasked?: boolean): Promise<MeetingSummary[]>;
  meetingToken(meetingId: string): Promise<MeetingToken>;
  links(meetingId: string): Promise<GuestLink[]>;
  createLink(meetingId: string, role: LinkRole, label: string): Promise<NewGuestLink>;
  revokeLink(meetingId: string, linkId: string): Promise<void>;
  /** Give a guest's link for a meeting token. */
  useLink(link: string, displayName: string): Promise<MeetingToken>;
  /**
   * Any other route, for parts of the app with typed calls of their own. `headers`: besides those that every request
   * has. Fails with `ApiError`.
   */
  request<Reply>(method: Method, path: string, body?: unknown, unasked?: boolean, headers?: Record<string, string>): Promise<Reply>;
  /** What shows that a request comes from this page, for uploads. */
  headers(): Record<string, string>;
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export class HttpApi implements Api {
  readonly #fetch: Fetch;
  #csrfToken: string | null = null;

  constructor(fetch: Fetch = (url, init) => globalThis.fetch(url, init)) {
    this.#fetch = fetch;
  }

  async session(): Promise<Session | null> {
    try {
      return await this.#sessionFrom("GET", "/api/session");
    } catch (error) {
      if (!(error instanceof ApiError && error.needsLogin)) throw error;
      this.#csrfToken = null;
      return null;
    }
  }

  chooseCommission(commissionHsaId: string): Promise<Session> {
    return this.#sessionFrom("POST", "/api/session/commission", { commission_hsa_id: commissionHsaId });
  }

  actFor(subject: string | null): Promise<Session> {
    return this.#sessionFrom("POST", "/api/session/proxy", { subject });
  }

  async logout(): Promise<LoggedOut> {
    const answer = await this.request<LoggedOut | null>("DELETE", "/api/session");
    this.#csrfToken = null;
    return { end_session_url: answer?.end_session_url ?? null };
  }

  async meetings(unasked = false): Promise<MeetingSummary[]> {
    return (await this.request<{ meetings: MeetingSummary[] }>("GET", "/api/meetings", undefined, unasked)).meetings;
  }

  meetingToken(meetingId: string): Promise<MeetingToken> {
    return this.request("POST", `/api/meetings/${encodeURIComponent(meetingId)}/token`, {});
  }

  async links(meetingId: string): Promise<GuestLink[]> {
    return (await this.request<{ links: GuestLink[] }>("GET", `/api/meetings/${encodeURIComponent(meetingId)}/links`)).links;
  }

  createLink(meetingId: string, role: LinkRole, label: string): Promise<NewGuestLink> {
    return this.request("POST", `/api/meetings/${encodeURIComponent(meetingId)}/links`, { role, label });
  }

  async revokeLink(meetingId: string, linkId: string): Promise<void> {
    await this.request("DELETE", `/api/meetings/${encodeURIComponent(meetingId)}/links/${encodeURIComponent(linkId)}`);
  }

  useLink(link: string, displayName: string): Promise<MeetingToken> {
    return this.request("POST", "/api/guest", { link, display_name: displayName });
  }

  async #sessionFrom(method: Method, path: string, body?: unknown): Promise<Session> {
    const session = await this.request<Session>(method, path, body);
    this.#csrfToken = session.csrf_token;
    return session;
  }

  headers(): Record<string, string> {
    return this.#csrfToken ? { "X-CSRF-Token": this.#csrfToken } : {};
  }

  async request<Reply>(method: Method, path: string, body?: unknown, unasked = false, more: Record<string, string> = {}): Promise<Reply> {
    const headers: Record<string, string> = { ...more, Accept: "application/json", ...(unasked && { "X-Background": "1" }) };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (method !== "GET") Object.assign(headers, this.headers());
    let response: Response;
    try {
      response = await this.#fetch(path, {
        method,
        headers,
        credentials: "same-origin",
        cache: "no-store",
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
    } catch {
      throw new ApiError("unreachable", 0);
    }
    const answer = await json(response);
    if (response.ok) return answer as Reply;
    // The front's own refusals, or the companion's problem details (RFC 9457).
    const told = answer as { error?: { code?: unknown; field?: unknown }; code?: unknown; [member: string]: unknown } | null;
    const code = told?.error?.code ?? told?.code;
    const retryAfter = Number(response.headers.get("Retry-After") ?? NaN);
    throw new ApiError(
      typeof code === "string" ? code : "internal",
      response.status,
      Number.isFinite(retryAfter) ? retryAfter : null,
      typeof told?.error?.field === "string" ? told.error.field : null,
      told ?? {},
    );
  }
}

/** The JSON of an answer; null where there is none (204, or a page from something in between). */
async function json(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return null;
  }
}
