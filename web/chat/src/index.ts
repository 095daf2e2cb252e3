/** Conversations as components. They know no pages and no routes; the language comes from the page around. */
export { Arrivals } from "./Arrivals";
export { Board, type UnitBoard } from "./Board";
export { ConversationView } from "./ConversationView";
export type { ChatLanguage } from "./i18n/texts";
export { useConversation } from "./useConversation";
