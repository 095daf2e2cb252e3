/** The meeting client without a user interface. */
export { type CaptureProblem, canShareScreen } from "./capture";
export * from "./client";
export { type DeviceChoice, type DeviceList, NO_DEVICES, listDevices, onDeviceChange } from "./devices";
export { Emitter } from "./emitter";
export { type EndCode, type FailureCode, MeetingError, isPassing } from "./errors";
export { LocalMedia, type LocalSource, type LocalSources } from "./local_media";
export { type Remembered, type SessionMemory, TabMemory } from "./memory";
export type * from "./protocol";
export { ERROR_CODES, PROTOCOL_VERSION } from "./protocol";
export type { Quality as ConnectionQuality } from "./quality";
export type { SessionState } from "./recovery_events";
export type { ReceiveTrack, SourceTracks } from "./slots";
export { type TokenClaims, readToken } from "./token";
export * from "./chat";
