/** The meeting room as a component: `mountMeeting` for any page, the pieces for pages written in Preact. */
export { Dialog } from "./dialogs/Dialog";
export { LanguageProvider, useLanguage } from "./i18n/context";
export { DEFAULT_LANGUAGE, LANGUAGES, LANGUAGE_CODES, type Language, type Values, fill, isLanguage } from "./i18n/messages";
export * from "./i18n/time";
export { Meeting, type MeetingProps } from "./Meeting";
export { type MeetingElement, type MountOptions, mountMeeting } from "./mount";
export { Brand } from "./parts/Brand";
export { Icon, type IconName } from "./parts/Icon";
export { LanguageSelect } from "./parts/LanguageSelect";
export { Room } from "./screens/Room";
export { WaitingRoom } from "./screens/WaitingRoom";
