import { MeetingError } from "@alltid-oppet/client";
import { ApiError, type MeetingToken } from "../api";

/** Another token for a meeting that goes on. A refusal ends the meeting; no answer is asked for again. */
export async function freshToken(ask: () => Promise<MeetingToken>): Promise<string> {
  try {
    return (await ask()).token;
  } catch (error) {
    throw asMeetingError(error instanceof ApiError ? error : new ApiError("internal", 0));
  }
}

/** What a refused token means to a meeting that goes on. */
export function asMeetingError(error: ApiError): MeetingError {
  if (error.isPassing) return new MeetingError("request_timeout", error.code);
  if (error.code === "removed") return new MeetingError("removed", error.code);
  if (error.code === "meeting_over") return new MeetingError("unknown_room", error.code);
  if (error.needsLogin || error.code === "revoked") return new MeetingError("revoked", error.code);
  return new MeetingError("forbidden", error.code);
}
