/** Sizes of files in words. A megabyte is a million bytes. Pure. */
import type { ChatLanguage } from "./i18n/texts";
import { LOCALES } from "./times";

/** "1,4 MB" without a language: whole kilobytes, or megabytes with one decimal. */
export function size(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.max(1, Math.round(bytes / 1_000))} kB` : `${Math.round(bytes / 100_000) / 10} MB`;
}

/** What there may be at most: "20 MB". Rounded down, so that what is said to be allowed is. */
export function limitSize(language: ChatLanguage, bytes: number): string {
  const [unit, unitBytes] = bytes < 1_000_000 ? ["kB", 1_000] as const : ["MB", 1_000_000] as const;
  const step = bytes < 10 * unitBytes ? 10 : 1;
  return `${new Intl.NumberFormat(LOCALES[language]).format(Math.floor((bytes / unitBytes) * step) / step)} ${unit}`;
}
