/** The front's HTTP API as a page sees it, answered in the test: whose session, which meetings, what is refused. */
import type { Page, Route } from "playwright-core";
import type { GuestLink, MeetingSummary, MeetingToken, Proxy, Session } from "../app/src/api_types";
import type { Case } from "../app/src/cases/types";
import type { Contact } from "../app/src/notices/api";
import type { UnitSettings } from "../app/src/unit/settings";
import { unsignedToken } from "./browser";
import { FakeBookings } from "./fake_bookings";
import { ARCHIVED, CLOSED_OF_PATIENT, COLLEAGUES, OF_PATIENT, UNITS } from "./fake_cases";
import { NOW } from "./now";


export { NOW };
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
    person_key: "0f3c",
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
  {
    commission_hsa_id: "SE2321000131-U1",
    name: "Vårdcentralen Björken, Vård och behandling",
    unit_hsa_id: "SE2321000131-U1",
    provider_hsa_id: "SE2321000131-V1",
  },
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

const ARCHIVE = "/api/care/cases/archived";

export interface Refusal {
  status: number;
  code: string;
  field?: string;
  limit?: { of: string; most: number };
  /** Members of a problem of the companion; without them it is a refusal of the front's own. */
  problem?: Record<string, unknown>;
}

export interface Call {
  method: string;
  path: string;
  body: unknown;
  csrf: string | null;
  /** `Idempotency-Key`. */
  key: string | null;
}

/** Stands between one page and the front. Change its fields to change what is answered from then on. */
export class FakeApi {
  session: Session | null = null;
  meetings: MeetingSummary[] = MEETINGS;
  links: GuestLink[] = [...LINKS];
  /** Null: the unit has none yet. */
  unitSettings: UnitSettings | null = null;
  contact: Contact = { phone: "", email: "anna@example.se", language: "sv", browsers: 0 };
  /** `applicationServerKey`; null: no web push. */
  pushKey: string | null = null;
  #awaited: Partial<Contact> = {};
  readonly bookings = new FakeBookings();
  /** Open and closed ones. */
  cases: Case[] = [...OF_PATIENT, ...CLOSED_OF_PATIENT];
  token: MeetingToken = {
    token: unsignedToken({ admitted: false }),
    expires_at: NOW + 300,
    role: "participant",
    admitted: false,
  };
  /** "METHOD /path" -> what is answered instead. */
  refusals = new Map<string, Refusal>();
  /** "METHOD /path" of requests that the network loses. */
  readonly lost = new Set<string>();
  readonly calls: Call[] = [];

  async attach(page: Page): Promise<void> {
    await page.context().route(/\/api\//, (route) => this.#answer(route));
    await page.clock.setFixedTime(NOW * 1000);
  }

  async #answer(route: Route): Promise<void> {
    const request = route.request();
    const path = new URL(request.url()).pathname;
    const method = request.method();
    // Files are no JSON.
    const isFile = method === "PUT" && path.startsWith("/api/attachments");
    const body: unknown = request.postData() && !isFile ? request.postDataJSON() : undefined;
    this.calls.push({ method, path, body, csrf: request.headers()["x-csrf-token"] ?? null, key: request.headers()["idempotency-key"] ?? null });
    const query = new URL(request.url()).searchParams;
    if (this.lost.has(`${method} ${path}`)) return route.abort("connectionreset");
    const refusal = this.refusals.get(`${method} ${path}`);
    if (refusal) {
      const { status, code, field, limit, problem } = refusal;
      return route.fulfill({ status, json: problem ? { code, status, ...problem } : { error: { code, field, limit } } });
    }
    if (path.startsWith(`${ARCHIVE}/`) && path.includes("/files/")) return route.fulfill({ body: "%PDF-1.7", contentType: "application/pdf" });
    const ofBookings = path.startsWith("/api/care/") ? this.bookings.reply(method, path, query, (body ?? {}) as Record<string, unknown>) : undefined;
    if (ofBookings) return route.fulfill({ status: ofBookings.status, ...(ofBookings.status !== 204 && { json: ofBookings.json }) });
    const answer = path.startsWith("/api/cases") || path.startsWith("/api/attachments")
      ? this.#replyOfCases(method, path, query, (body ?? {}) as Record<string, unknown>)
      : this.#reply(method, path, body as Record<string, unknown>);
    if (answer === "missing") return route.fulfill({ status: 404, json: { error: { code: "not_found" } } });
    if (answer === "uploaded") {
      const name = decodeURIComponent(request.headers()["x-file-name"] ?? "");
      const file = { attachment_id: `att-${name}`, name, media_type: "text/plain", size_bytes: 5, is_inline: false, width: 0, height: 0 };
      return route.fulfill({ status: 201, json: file });
    }
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
    if (path.startsWith("/api/units/")) {
      if (method === "PUT") this.unitSettings = body as unknown as UnitSettings;
      return this.unitSettings ?? "missing";
    }
    if (path === "/api/units") return { units: UNITS };
    if (path === ARCHIVE) return { cases: Object.values(ARCHIVED).map((page) => page.case), next_offset: null };
    if (path.startsWith(`${ARCHIVE}/`)) return ARCHIVED[path.slice(ARCHIVE.length + 1)] ?? "missing";
    if (path.startsWith("/api/contact")) return this.#replyOfContact(method, path, body);
    if (path === "/api/push-key") return { key: this.pushKey };
    if (path === "/api/push-subscriptions") {
      this.contact = { ...this.contact, browsers: method === "POST" ? 1 : 0 };
      return undefined;
    }
    if (path === "/api/care/patients/lookup") return { person_id: "p-sara", name: "Sara N.", birth_date: null, is_protected: false, has_care_relation: false };
    if (path === "/api/colleagues") return { colleagues: COLLEAGUES };
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

  #replyOfContact(method: string, path: string, body: Record<string, unknown>): unknown {
    if (path.endsWith("/codes")) {
      this.#awaited = body["channel"] === "sms" ? { phone: String(body["to"]) } : { email: String(body["to"]) };
      return undefined;
    }
    if (path.endsWith("/confirm")) this.contact = { ...this.contact, ...this.#awaited };
    else if (method === "PATCH" && body["forget"]) this.contact = { ...this.contact, [body["forget"] === "sms" ? "phone" : "email"]: "" };
    else if (method === "PATCH") this.contact = { ...this.contact, language: body["language"] as Contact["language"] };
    return this.contact;
  }

  #replyOfCases(method: string, path: string, query: URLSearchParams, body: Record<string, unknown>): unknown {
    if (!this.session) return null;
    if (path.startsWith("/api/attachments")) return "uploaded";
    const [, , , id, act] = path.split("/");
    if (!id && method === "GET") {
      const [one, words] = [query.get("case"), query.get("q")?.toLowerCase()];
      const isWanted = ({ case_id, subject, patient_name, state }: Case): boolean =>
        one ? case_id === one : words ? `${subject} ${patient_name}`.toLowerCase().includes(words) : (state === "closed") === (query.get("closed") === "1");
      return { cases: this.cases.filter(isWanted), next_offset: null };
    }
    if (!id) {
      const opened: Case = { ...OF_PATIENT[0]!, case_id: `case-${"z".repeat(26)}`, state: "new", is_unread: false, subject: String(body["subject"]) };
      this.cases = [...this.cases, opened];
      return opened;
    }
    const found = this.cases.find((one) => one.case_id === id);
    if (!found) return "missing";
    if (act === "attachments") return { url: "/api/attachments/x", expires_at: NOW + 60 };
    const change = CHANGES[act ?? ""];
    if (!change) return found;
    const changed = { ...found, ...change, version: found.version + 1 };
    this.cases = this.cases.map((one) => (one === found ? changed : one));
    return changed;
  }
}

/** What an act of staff, or a patient who reopens, makes of a case. */
const CHANGES: Record<string, Partial<Case>> = {
  assign: { state: "assigned", assignee: "SE2321000131-K1", assignee_name: "Karin Lindqvist", is_mine: true },
  "hand-over": { assignee: "SE2321000131-K2", assignee_name: "Johan Berg", is_mine: false },
  return: { state: "new", assignee: null, assignee_name: null, is_mine: false },
  close: { state: "closed", answer_by: null, assignee: null, reopen_until: NOW + 14 * 24 * HOUR },
  reopen: { state: "reopened", reopen_until: null },
};
