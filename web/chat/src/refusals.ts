/** Why something was refused, in words; no code is without. */
import type { ChatFailure, FileError } from "@alltid-oppet/client";
import { type ChatLanguage, type TextKey, translator } from "./i18n/texts";
import { limitSize } from "./sizes";

const MESSAGES: Record<ChatFailure, TextKey> = {
  invalid_message: "refused_other",
  unsupported_protocol: "refused_reload",
  message_too_large: "refused_too_large",
  rate_limited: "refused_busy",
  not_logged_in: "refused_login",
  token_invalid: "refused_login",
  token_expired: "refused_login",
  revoked: "refused_login",
  removed: "refused_right",
  forbidden: "refused_right",
  not_admitted: "refused_right",
  unknown_room: "refused_right",
  unknown_conversation: "refused_right",
  conversation_closed: "refused_closed_now",
  conversation_full: "refused_full",
  case_closed: "refused_closed",
  not_assigned: "refused_not_assigned",
  unknown_case: "refused_right",
  unknown_message: "refused_gone",
  not_author: "refused_gone",
  edit_too_late: "refused_too_late",
  message_withdrawn: "refused_gone",
  unknown_attachment: "refused_file",
  chat_unavailable: "refused_passing",
  internal: "refused_passing",
  request_timeout: "refused_passing",
  unreachable: "refused_passing",
};

/** The codes of HTTP that an attachment can meet, and the client's own. */
const FILES: Record<string, TextKey> = {
  too_large: "file_too_large",
  file_refused: "file_refused",
  file_infected: "file_infected",
  picture_refused: "file_picture",
  quota_exceeded: "file_quota",
  too_many: "file_too_many",
  store_full: "file_later",
  unavailable: "file_later",
  unreachable: "file_lost",
  already_uploaded: "file_again",
  address_expired: "file_again",
  unknown_attachment: "file_again",
  invalid_request: "file_empty",
  not_logged_in: "refused_login",
  csrf: "refused_login",
  forbidden: "refused_right",
  not_found: "refused_right",
  case_closed: "refused_closed",
  internal: "file_error",
  aborted: "file_error",
};

/** Where the server says how much there may be. */
const LIMITS: Record<string, TextKey> = {
  file_bytes: "limit_file",
  conversation_bytes: "limit_size_here",
  conversation_files: "limit_files_here",
  person_day_bytes: "limit_day",
  pending_files: "limit_pending",
};

export const refusalText = (code: ChatFailure): TextKey => MESSAGES[code];

/** What may go well when the same file is sent once more. */
const PASSING: ReadonlySet<TextKey> = new Set(["file_too_many", "file_later", "file_lost", "file_again", "file_error"]);

/** Why a file was refused, in words, with what there may be. */
export function fileRefusal(language: ChatLanguage, { code, limit }: Pick<FileError, "code" | "limit">): string {
  const t = translator(language);
  if (!limit || !Object.hasOwn(LIMITS, limit.of)) return t(fileRefusalText(code));
  return t(LIMITS[limit.of]!, { most: limit.of.endsWith("_bytes") ? limitSize(language, limit.most) : limit.most });
}

export const fileRefusalText = (code: string): TextKey => (Object.hasOwn(FILES, code) ? FILES[code]! : "file_error");

export const canSendAgain = (code: string): boolean => PASSING.has(fileRefusalText(code));
