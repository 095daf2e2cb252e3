/** What a person is told, and can do, for each way a meeting can be over. The compiler holds this complete. */
import type { EndCode } from "@alltid-oppet/client";
import type { MessageKey } from "./i18n/messages";

type Before<Suffix extends string> = MessageKey extends infer Key ? (Key extends `${infer Name}${Suffix}` ? Name : never) : never;
type Prefix = Before<"_title"> & Before<"_text">;

export interface Ending {
  /** `<prefix>_title` and `<prefix>_text` are its messages. */
  prefix: Prefix;
  /** What the button does. */
  action: "rejoin" | "reload" | null;
  /** A fault (with its code shown, for support) or an ordinary end. */
  fault: boolean;
}

const fault = (prefix: Prefix, action: Ending["action"] = null): Ending => ({ prefix, action, fault: true });

export const ENDINGS: Record<EndCode, Ending> = {
  left: { prefix: "left", action: "rejoin", fault: false },
  denied: { prefix: "denied", action: null, fault: false },
  revoked: { prefix: "revoked", action: null, fault: false },
  removed: { prefix: "removed", action: null, fault: false },
  replaced: { prefix: "replaced", action: null, fault: false },
  room_closed: { prefix: "room_closed", action: null, fault: false },
  cancelled: { prefix: "cancelled", action: null, fault: false },
  moved: { prefix: "moved", action: null, fault: false },
  token_invalid: fault("token_invalid"),
  token_expired: fault("token_expired"),
  forbidden: fault("forbidden"),
  not_admitted: fault("place_lost", "rejoin"),
  unknown_participant: fault("service", "rejoin"),
  unknown_room: fault("unknown_room", "rejoin"),
  room_full: fault("room_full", "rejoin"),
  identity_in_use: fault("identity_in_use", "rejoin"),
  no_worker: fault("service", "rejoin"),
  worker_timeout: fault("service", "rejoin"),
  internal: fault("service", "rejoin"),
  rate_limited: fault("rate_limited", "rejoin"),
  request_timeout: fault("unreachable", "rejoin"),
  unreachable: fault("unreachable", "rejoin"),
  invalid_message: fault("outdated", "reload"),
  message_too_large: fault("outdated", "reload"),
  unsupported_protocol: fault("outdated", "reload"),
  offer_invalid: fault("browser_failed", "reload"),
  offer_no_fingerprint: fault("browser_failed", "reload"),
  offer_too_large: fault("browser_failed", "reload"),
  too_many_media: fault("browser_failed", "reload"),
  browser_unsupported: fault("browser_failed"),
  browser_failed: fault("browser_failed", "reload"),
  not_joined: fault("place_lost", "rejoin"),
  already_joined: fault("place_lost", "rejoin"),
  resume_refused: fault("place_lost", "rejoin"),
};
