/** Where one logs in; the way back is a path of this site, never another address. */
export type Audience = "patient" | "staff";

export function loginAddress(audience: Audience, returnTo: string): string {
  return `/login/${audience}?return_to=${encodeURIComponent(returnTo)}`;
}
