/** What the front's HTTP API carries to and from these pages (docs/http.md). */

export type Kind = "patient" | "staff" | "guest" | "interpreter" | "service";

export type ProxyScope = "book" | "messages" | "meetings";

/** For whom a proxy (ombud) acts now. */
export interface ActingFor {
  /** Opaque id of the patient concerned. */
  subject: string;
  name: string;
  /** Empty: the right to act has ended. */
  scopes: ProxyScope[];
}

/** Somebody for whom one may act. */
export interface Proxy extends ActingFor {
  /** Custody of a child, or a grant by the patient. */
  kind: "guardian" | "grant";
  /** Seconds since 1970. */
  valid_until: number;
}

/** A commission (medarbetaruppdrag): at which unit, as what. */
export interface Commission {
  commission_hsa_id: string;
  /** Unit and commission, to show. */
  name: string;
  unit_hsa_id?: string;
  provider_hsa_id?: string;
  roles?: string[];
}

export interface Session {
  kind: Kind;
  /** Opaque; the same at each login: what this browser keeps for the person alone stands under it. */
  person_key: string;
  display_name: string;
  roles: string[];
  acting_for: ActingFor | null;
  /** Whom one may act for. */
  proxies: Proxy[];
  commission: Commission | null;
  commissions: Commission[];
  csrf_token: string;
  /** Seconds since 1970: without any further request the session ends then. */
  expires_at: number;
  /** Seconds since 1970: it ends then whatever is asked. */
  ends_at: number;
}

export type MeetingKind = "one_to_one" | "multi_party" | "group";
export type MeetingState = "planned" | "open" | "in_progress" | "ended" | "no_show" | "aborted_technical";

export interface MeetingSummary {
  meeting_id: string;
  title: string;
  kind: MeetingKind;
  /** Seconds since 1970. */
  starts_at: number;
  ends_at: number;
  /** From when one may come in; seconds since 1970. */
  opens_at: number;
  /** Until when: meetings may take longer than planned. */
  closes_at: number;
  unit_name: string;
  /** Whom to call when video does not work. */
  phone: string | null;
  /** People in the waiting room; for staff. */
  waiting: number;
}

export interface MeetingToken {
  token: string;
  expires_at: number;
  role: "host" | "participant" | "guest" | "interpreter";
  /** False: one waits until a host lets one in. */
  admitted: boolean;
}

export type LinkRole = "guest" | "interpreter";
export type LinkState = "unused" | "used" | "revoked" | "expired";

/** A link as its makers see it: never its secret. */
export interface GuestLink {
  link_id: string;
  role: LinkRole;
  /** What its maker called it, so as to know it again. */
  label: string;
  state: LinkState;
  expires_at: number;
}

/** A new link: the only time its address can be read. */
export interface NewGuestLink extends GuestLink {
  url: string;
}

/** The session has ended. */
export interface LoggedOut {
  /** Where the identity provider's own session ends too. */
  end_session_url: string | null;
}
