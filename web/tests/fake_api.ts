/** The front's HTTP API as a page sees it, answered in the test: whose session, which meetings, what is refused. */
import type { Page, Route } from "playwright-core";
import type { GuestLink, MeetingSummary, MeetingToken, Proxy, Session } from "../app/src/api_types";
import { unsignedToken } from "./browser";

/** Monday 23 November 2026, 13:20 in Sweden. Pages are put at this instant too, by Playwright's clock. */
export const NOW = Date.UTC(2026, 10, 23, 12, 20) / 1000;
const HOUR = 3600;

export const ELSA: Proxy = {
  subject: "p-elsa",
  name: "Elsa Andersson",
  kind: "guardian",
  scopes: ["book", "messages", "meetings"],
  valid_until: NOW + 400 * 24 * HOUR,
};
export const KARL: Proxy = { ...ELSA, subject: "p-karl", name: "Karl-Gustav Andersson", kind: "grant", scopes: ["meetings"] };

export function session(change: Partial<Session> = {}): Session {
  return {
    kind: "patient",
    display_name: "Anna Andersson",
    roles: ["patient"],
    acting_for: null,
    proxies: [],
    commission: null,
    commissions: [],
    csrf_token: "csrf-1",
    expires_at: NOW + HOUR,
    ends_at: NOW + 12 * HOUR,
    ...change,
  };
}

export const COMMISSIONS = [
  { commission_hsa_id: "SE2321000131-U1", name: "Vårdcentralen Björken, Vård och behandling" },
  { commission_hsa_id: "SE2321000131-U2", name: "Barnmorskemottagningen Kungsholmen, Vård och behandling" },
  { commission_hsa_id: "SE5590000000-U3", name: "Närhälsan Ekbacken, Administration" },
];

export function staff(change: Partial<Session> = {}): Session {
  const commission = COMMISSIONS[0]!;
  return session({ kind: "staff", display_name: "Karin Lindqvist", roles: ["staff"], commission, commissions: COMMISSIONS, ...change });
}

export function meeting(id: string, change: Partial<MeetingSummary> = {}): MeetingSummary {
  const starts_at = change.starts_at ?? NOW + HOUR / 6;
  return {
    meeting_id: id,
    title: "Läkarbesök",
    kind: "one_to_one",
    starts_at,
    ends_at: starts_at + HOUR / 2,
    opens_at: starts_at - HOUR / 4,
    closes_at: starts_at + 2 * HOUR,
    unit_name: "Vårdcentralen Björken",
    phone: "08-123 45 67",
    waiting: 0,
    ...change,
  };
}

export const MEETINGS = [
  meeting("m1", { waiting: 1 }),
  meeting("m2", { title: "Uppföljning av blodtryck", starts_at: NOW + 3 * HOUR }),
  meeting("m3", { title: "Vårdplanering med hemtjänst och anhöriga", kind: "multi_party", starts_at: NOW + 26 * HOUR }),
  meeting("m4", { title: "Smärtskola, tillfälle 3 av 6", kind: "group", starts_at: NOW + 9 * 24 * HOUR }),
];

export const LINKS: GuestLink[] = [
  { link_id: "l1", role: "guest", label: "Dottern", state: "used", expires_at: NOW + 2 * HOUR },
  { link_id: "l2", role: "interpreter", label: "", state: "revoked", expires_at: NOW + 2 * HOUR },
];

export interface Refusal {
  status: number;
  code: string;
}

export interface Call {
  method: string;
  path: string;
  body: unknown;
  csrf: string | null;
}

/** Stands between one page and the front. Change its fields to change what is answered from then on. */
export class FakeApi {
  session: Session | null = null;
  meetings: MeetingSummary[] = MEETINGS;
  links: GuestLink[] = [...LINKS];
  token: MeetingToken = {
    token: unsignedToken({ admitted: false }),
    expires_at: NOW + 300,
    role: "participant",
    admitted: false,
  };
  /** "METHOD /path" -> what is answered instead. */
  refusals = new Map<string, Refusal>();
  readonly calls: Call[] = [];

  async attach(page: Page): Promise<void> {
    await page.context().route(/\/api\//, (route) => this.#answer(route));
    await page.clock.setFixedTime(NOW * 1000);
  }

  async #answer(route: Route): Promise<void> {
    const request = route.request();
    const path = new URL(request.url()).pathname;
    const method = request.method();
    const body: unknown = request.postData() ? request.postDataJSON() : undefined;
    this.calls.push({ method, path, body, csrf: request.headers()["x-csrf-token"] ?? null });
    const refusal = this.refusals.get(`${method} ${path}`);
    if (refusal) return route.fulfill({ status: refusal.status, json: { error: { code: refusal.code } } });
    const answer = this.#reply(method, path, body as Record<string, unknown>);
    if (answer === null) return route.fulfill({ status: 401, json: { error: { code: "not_logged_in" } } });
    return answer === undefined ? route.fulfill({ status: 204 }) : route.fulfill({ json: answer as object });
  }

  /** null: nobody is logged in; undefined: nothing to tell. */
  #reply(method: string, path: string, body: Record<string, unknown>): unknown {
    if (path === "/api/guest") return this.token;
    if (!this.session) return null;
    if (path === "/api/session" && method === "DELETE") {
      this.session = null;
      return { end_session_url: null };
    }
    if (path === "/api/session/commission") {
      const chosen = this.session.commissions.find((one) => one.commission_hsa_id === body["commission_hsa_id"]);
      this.session = { ...this.session, commission: chosen ?? null, csrf_token: "csrf-2" };
    }
    if (path === "/api/session/proxy") {
      const other = this.session.proxies.find((one) => one.subject === body["subject"]) ?? null;
      this.session = { ...this.session, acting_for: other, csrf_token: "csrf-2" };
    }
    if (path.startsWith("/api/session")) return this.session;
    if (path === "/api/meetings") return { meetings: this.meetings };
    if (path.endsWith("/token")) return this.token;
    if (path.endsWith("/links") && method === "GET") return { links: this.links };
    if (path.endsWith("/links")) {
      const link: GuestLink = {
        link_id: "l3",
        role: body["role"] as GuestLink["role"],
        label: body["label"] as string,
        state: "unused",
        expires_at: NOW + 2 * HOUR,
      };
      this.links = [link, ...this.links];
      return { ...link, url: `https://meeting.example/guest#link=${"Zk3".repeat(12)}` };
    }
    this.links = this.links.map((link) => (path.endsWith(link.link_id) ? { ...link, state: "revoked" } : link));
    return undefined;
  }
}
