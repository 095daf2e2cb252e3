/** What people write as their telephone number or mailbox, and what the server takes. Pure. */
import type { Place } from "./api";

/** Country code of numbers that are written without one. */
const SWEDEN = "+46";

/** E.164 of what somebody wrote ("070-123 45 67", "0046 70 …", "+46 (0)70 …"); null when it cannot be a number. */
export function phoneNumber(written: string): string | null {
  const plain = written.replace(/\(0\)/g, "").replace(/[\s()./-]/g, "");
  const number = plain.startsWith("00") ? `+${plain.slice(2)}` : plain.startsWith("0") ? SWEDEN + plain.slice(1) : plain;
  return /^\+[1-9]\d{6,14}$/.test(number) ? number : null;
}

export function mailbox(written: string): string | null {
  const plain = written.trim();
  return plain.length <= 254 && /^[^\s@]{1,64}@[^\s@.]+(\.[^\s@.]+)+$/.test(plain) ? plain : null;
}

export const placeOf = (channel: Place, written: string): string | null => (channel === "sms" ? phoneNumber(written) : mailbox(written));

/** "+46701234567" as people read it: "070-123 45 67". Other countries' numbers stay as they are. */
export function shownPhone(number: string): string {
  const mobile = /^\+46(7\d)(\d{3})(\d{2})(\d{2})$/.exec(number);
  return mobile ? `0${mobile[1]}-${mobile[2]} ${mobile[3]} ${mobile[4]}` : number;
}
