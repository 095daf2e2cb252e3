// Generated from signalling/chat_protocol.py by `python -m signalling.documents`. Do not edit.

import type { Done } from "./protocol";

export type ChatCode =
  | "invalid_message"
  | "unsupported_protocol"
  | "message_too_large"
  | "rate_limited"
  | "not_logged_in"
  | "token_invalid"
  | "token_expired"
  | "revoked"
  | "removed"
  | "forbidden"
  | "not_admitted"
  | "unknown_room"
  | "unknown_conversation"
  | "conversation_closed"
  | "conversation_full"
  | "case_closed"
  | "not_assigned"
  | "unknown_case"
  | "unknown_message"
  | "not_author"
  | "edit_too_late"
  | "message_withdrawn"
  | "unknown_attachment"
  | "chat_unavailable"
  | "internal";

/** A file of a message, as its readers see it. */
export interface ChatAttachment {
  attachment_id: string;
  name: string;
  media_type: string;
  size_bytes: number;
  /** Whether it may be shown in the page (pictures), not only saved. */
  is_inline: boolean;
  /** Of pictures, in pixels; otherwise 0. */
  width: number;
  height: number;
}

/** How far a client has come in a conversation. */
export interface ChatPosition {
  conversation_id: string;
  /** The last number it has; null asks for the newest events. */
  last_seq: number | null;
}

/** How far a reader has come. */
export interface ChatReceipt {
  /** Who, as `author` of events. */
  reader: string;
  delivered: number;
  read: number;
}

/** A change of a text that is being written; positions and lengths in UTF-16 code units, as in JavaScript. */
export interface LiveEdit {
  /** Where. */
  at: number;
  /** How many are taken out there. */
  erase: number;
  /** What then stands there. */
  insert: string;
}

/** Say who reads and writes on this socket: by the login's cookie, or by a meeting token. A meeting token that was renewed is shown by another `chat_hello`, which leaves what is read as it is. A socket whose token has ended, or whose meeting is over, is closed. */
export interface ChatHello {
  /** The protocol version. */
  protocol: 1;
  /** A meeting token: opens that meeting's chat only. */
  token?: string | null;
}

/** Read a conversation from a number on, and get what happens there until `chat_close`. */
export interface ChatOpen extends ChatPosition {
}

/** `chat_open` for many conversations: on a new socket, after a hole, after `chat_lagging`. */
export interface ChatResume {
  positions: ChatPosition[];
}

/** Get no more of a conversation. */
export interface ChatClose {
  conversation_id: string;
}

/** Send a message. Until it is acknowledged, send it again with the same `client_id`. */
export interface ChatSend {
  conversation_id: string;
  /** Random; the same for each attempt. */
  client_id: string;
  /** May be empty with attachments. */
  text: string;
  /** Uploads of this conversation. */
  attachments?: string[];
}

/** Change the text of one's own message. */
export interface ChatEdit {
  conversation_id: string;
  client_id: string;
  /** Number of the message. */
  target: number;
  text: string;
}

/** Take one's own message back. */
export interface ChatWithdraw {
  conversation_id: string;
  client_id: string;
  /** Number of the message. */
  target: number;
}

/** Say up to which number everything has arrived, and has been read. Never moves back. */
export interface ChatReceived {
  conversation_id: string;
  delivered: number;
  read: number;
}

/** Somebody types (said again every few seconds), or has stopped. */
export interface ChatType {
  conversation_id: string;
  typing: boolean;
}

/** Real-time text: what is being written, as it is written. A `chat_send` with the draft's id ends it. Numbers grow by one; who misses one waits for the next with `text`, which is sent every few seconds. */
export interface ChatLive {
  conversation_id: string;
  /** The `client_id` that the message will have. */
  draft_id: string;
  number: number;
  /** The whole text so far, before the edits. */
  text?: string | null;
  /** In this order. */
  edits: LiveEdit[];
}

/** Say who may write in a meeting's chat. Hosts only; everybody who reads it is told by `chat_changed`. */
export interface ChatRule {
  conversation_id: string;
  /** True: all read it, and only who holds the meeting writes. */
  hosts_only: boolean;
}

/** Older events. */
export interface ChatHistory {
  conversation_id: string;
  before: number;
  limit?: number;
}

/** Messages with all of the words. */
export interface ChatSearch {
  conversation_id: string;
  query: string;
  /** From an earlier answer, to search on. */
  before?: number | null;
}

/** Something was added to a conversation. */
export interface ChatEvent {
  conversation_id: string;
  seq: number;
  /** When, by the server, in milliseconds since the epoch. */
  at_ms: number;
  kind: "message" | "edit" | "withdrawal" | "system";
  /** Who: the same for all events of a person here, another elsewhere; empty: nobody. */
  author: string;
  author_name: string;
  author_role: "patient" | "proxy" | "staff" | "guest" | "interpreter" | "system";
  client_id: string;
  /** The message that an edit or a withdrawal changes; else 0. */
  target: number;
  /** `text` and `attachments` (of `ChatAttachment`; interpreters see none) of a message; `what` and more of a system event. */
  body: Record<string, unknown>;
  /** The body is empty because its author took it back. */
  withdrawn: boolean;
}

/** A reader has come further. */
export interface ChatReceipts extends ChatReceipt {
  conversation_id: string;
}

/** Somebody types. */
export interface ChatTypists {
  conversation_id: string;
  author: string;
  author_name: string;
  /** Show it for so long unless it is said again; 0: stopped. */
  for_ms: number;
}

/** Who has the conversation open now. */
export interface ChatPresence {
  conversation_id: string;
  /** As `author` of events. */
  people: string[];
}

/** Real-time text of somebody, as in `chat_live`. */
export interface ChatText {
  conversation_id: string;
  author: string;
  author_name: string;
  draft_id: string;
  number: number;
  text: string | null;
  edits: LiveEdit[];
}

/** A case of the unit has changed, come or gone: lists of cases ask for it again. Told in the unit's own channel. Kept nowhere: who was away (a new socket, ``chat_lagging``) asks for the whole list. */
export interface ChatCase {
  /** The unit's channel. */
  conversation_id: string;
  case_id: string;
}

/** The socket reads too slowly and gets no more of the conversation: `chat_resume` when the rest has arrived. */
export interface ChatLagging {
  conversation_id: string;
  /** The last number that was sent. */
  seq: number;
}

/** The server lost events (a restored backup): forget what is newer than `last_seq`, `chat_resume` from there, and send what is missing again. */
export interface ChatReset {
  conversation_id: string;
  last_seq: number;
}

/** Title or state of the conversation changed, or who may write in it. */
export interface ChatChanged {
  conversation_id: string;
  title: string;
  /** For this client: `closed` also while it may read and not write. */
  state: "open" | "closed" | "archived";
  /** Of a meeting: only who holds it writes at present. */
  hosts_only: boolean;
}

/** The conversation is gone, or is no longer this client's to read. */
export interface ChatEnded {
  conversation_id: string;
}

/** The reply to `chat_hello`. */
export interface ChatHelloReply {
  /** The meeting's chat, when a meeting token was given. */
  meeting: string | null;
  /** The unit's own channel, for staff. */
  channel: string | null;
  /** How long a `chat_type` lasts. */
  typing_ms: number;
  /** How long one may change or withdraw a message of one's own; 0: always. */
  edit_window_ms: number;
}

/** One conversation, from where the client stood. */
export interface ChatOpened {
  conversation_id: string;
  /** Why it cannot be read; everything else is empty then. */
  error: "invalid_message" | "unsupported_protocol" | "message_too_large" | "rate_limited" | "not_logged_in" | "token_invalid" | "token_expired" | "revoked" | "removed" | "forbidden" | "not_admitted" | "unknown_room" | "unknown_conversation" | "conversation_closed" | "conversation_full" | "case_closed" | "not_assigned" | "unknown_case" | "unknown_message" | "not_author" | "edit_too_late" | "message_withdrawn" | "unknown_attachment" | "chat_unavailable" | "internal" | null;
  title: string;
  /** For this client: `closed` also while it may read and not write. */
  state: "open" | "closed" | "archived";
  /** Of a meeting: only who holds it writes at present. */
  hosts_only: boolean;
  /** The client's own `author`. */
  me: string;
  events: ChatEvent[];
  /** The conversation's last number; if smaller than the client's, see `chat_reset`. */
  last_seq: number;
  /** Events up to this number are in the archive only, or forgotten. */
  trimmed_through: number;
  /** False: there is more; `chat_resume` again after the last of these events. */
  live: boolean;
  receipts: ChatReceipt[];
}

/** The reply to `chat_resume`, in the order of the positions. */
export interface ChatResumed {
  conversations: ChatOpened[];
}

/** The reply to what adds an event: it is stored durably. */
export interface ChatAppended {
  /** Its number; 0 (and the time 0) when it was there already, before the newest events. */
  seq: number;
  at_ms: number;
  /** It was there already. */
  repeated: boolean;
}

/** The reply to `chat_receipt`: where the reader stands. */
export interface ChatReceiptReply {
  delivered: number;
  read: number;
}

/** The reply to `chat_history`, the oldest first. */
export interface ChatPage {
  events: ChatEvent[];
  last_seq: number;
  trimmed_through: number;
}

/** The reply to `chat_search`, the newest first. */
export interface ChatFound {
  events: ChatEvent[];
  /** Search on with this; 0 when all was searched. */
  before: number;
}

/** Client events: what is sent, and what the acknowledgement carries when it is ok. */
export interface ChatClientEvents {
  chat_hello: { payload: ChatHello; reply: ChatHelloReply };
  chat_open: { payload: ChatOpen; reply: ChatOpened };
  chat_resume: { payload: ChatResume; reply: ChatResumed };
  chat_close: { payload: ChatClose; reply: Done };
  chat_send: { payload: ChatSend; reply: ChatAppended };
  chat_edit: { payload: ChatEdit; reply: ChatAppended };
  chat_withdraw: { payload: ChatWithdraw; reply: ChatAppended };
  chat_receipt: { payload: ChatReceived; reply: ChatReceiptReply };
  chat_type: { payload: ChatType; reply: Done };
  chat_live: { payload: ChatLive; reply: Done };
  chat_rule: { payload: ChatRule; reply: Done };
  chat_history: { payload: ChatHistory; reply: ChatPage };
  chat_search: { payload: ChatSearch; reply: ChatFound };
}

/** Server events: what is received unasked. */
export interface ChatServerEvents {
  chat_event: ChatEvent;
  chat_receipts: ChatReceipts;
  chat_typists: ChatTypists;
  chat_presence: ChatPresence;
  chat_text: ChatText;
  chat_case: ChatCase;
  chat_lagging: ChatLagging;
  chat_reset: ChatReset;
  chat_changed: ChatChanged;
  chat_ended: ChatEnded;
}
