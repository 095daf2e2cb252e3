/** Messages without a user interface. */
export type * from "../chat_protocol";
export { ChatClient, type ChatOptions, type ChatState } from "./client";
export { Conversation, type ConversationEvents, type ConversationSnapshot } from "./conversation";
export { ChatError, type ChatFailure } from "./errors";
export { type ChatFiles, FileError, type FileLimit, HttpFiles } from "./files";
export { newId } from "./ids";
export type { LiveDraft } from "./live_text";
export { type TextStore, forgetUnsent, unsentOf } from "./outbox";
export { type MessageStatus, type MessageView, viewsOf } from "./views";
