/** What a meeting token says about itself, for showing names before the join. The server alone verifies it. */
export interface TokenClaims {
  room: string;
  name: string;
  identity: string;
  /** Expiry in milliseconds since 1970, or null when the token does not say. */
  expiresAt: number | null;
  /** How long it was good for when it was made, in milliseconds; null when the token does not say. */
  lifetimeMs: number | null;
  /** False: one has to ask to be let in. */
  admitted: boolean;
}

/** The claims, or null when this is no token at all. */
export function readToken(token: string): TokenClaims | null {
  const payload = token.split(".")[1];
  if (!payload) return null;
  try {
    const bytes = Uint8Array.from(atob(payload.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof claims !== "object" || claims === null) return null;
    const { room, name, sub, exp, iat, admitted } = claims as Record<string, unknown>;
    if (typeof room !== "string" || typeof sub !== "string") return null;
    return {
      room,
      identity: sub,
      name: typeof name === "string" ? name : "",
      expiresAt: typeof exp === "number" ? exp * 1000 : null,
      lifetimeMs: typeof exp === "number" && typeof iat === "number" ? (exp - iat) * 1000 : null,
      admitted: admitted !== false,
    };
  } catch {
    return null;
  }
}
