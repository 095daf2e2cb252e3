/** Conversations as components. They know no pages and no routes; the language comes from the page around. */
export { ACCEPTED_FILES } from "./accepted";
export { Arrivals } from "./Arrivals";
export { Board, type UnitBoard } from "./Board";
export { ConversationView } from "./ConversationView";
export { type OpenPeriod, type WeekHours, hoursText } from "./hours";
export { type ChatLanguage, LanguageContext as ChatLanguageContext } from "./i18n/texts";
export { fileRefusal } from "./refusals";
export { Search } from "./Search";
export { Transcript } from "./Transcript";
export { useConversation } from "./useConversation";
