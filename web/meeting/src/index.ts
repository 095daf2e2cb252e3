/** The meeting room as a component: `mountMeeting` for any page, the pieces for pages written in Preact. */
export { LanguageProvider, useLanguage } from "./i18n/context";
export { DEFAULT_LANGUAGE, LANGUAGES, LANGUAGE_CODES, type Language, isLanguage } from "./i18n/messages";
export { Meeting, type MeetingProps } from "./Meeting";
export { type MeetingElement, type MountOptions, mountMeeting } from "./mount";
export { Room } from "./screens/Room";
