import type { ChatFailure } from "@alltid-oppet/client";
import type { TextKey } from "./i18n/texts";

const MESSAGES: Partial<Record<ChatFailure, TextKey>> = {
  conversation_closed: "refused_closed",
  case_closed: "refused_closed",
  not_assigned: "refused_not_assigned",
  edit_too_late: "refused_too_late",
  unknown_attachment: "refused_file",
  message_too_large: "refused_too_large",
};

const FILES: Record<string, TextKey> = {
  too_large: "file_too_large",
  file_refused: "file_refused",
  quota_exceeded: "file_quota",
};

/** Why a message was refused, in words. */
export const refusalText = (code: ChatFailure): TextKey => MESSAGES[code] ?? "refused_other";

/** Why a file was refused, in words. */
export const fileRefusalText = (code: string): TextKey => (Object.hasOwn(FILES, code) ? FILES[code]! : "file_error");
