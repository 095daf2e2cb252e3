/** Asking the browser for microphone, camera and screen, with its refusals as codes. */
import type { Source } from "./protocol";

export type CaptureProblem = "denied" | "not_found" | "in_use" | "insecure" | "unsupported" | "failed";

export class CaptureError extends Error {
  readonly problem: CaptureProblem;

  constructor(problem: CaptureProblem, message: string) {
    super(message);
    this.name = "CaptureError";
    this.problem = problem;
  }
}

/** 720p at 30 frames/s is plenty for a face and easy on old phones. */
const CAMERA: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
const MICROPHONE: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** What matters when bits are short: readable text, fluent movement, clear speech. */
const HINTS: Record<Source, string> = { microphone: "speech", camera: "motion", screen: "detail" };

export type Capture = (source: Source, deviceId: string | null) => Promise<MediaStreamTrack>;

export const captureTrack: Capture = async (source, deviceId) => {
  const devices = (navigator as Partial<Navigator>).mediaDevices;
  if (!devices) throw new CaptureError(isSecureContext ? "unsupported" : "insecure", "no mediaDevices");
  // A remembered device may be gone: ask for it kindly, not exactly.
  const chosen = deviceId ? { deviceId: { ideal: deviceId } } : {};
  try {
    const stream = await (source === "screen"
      ? devices.getDisplayMedia({ video: { frameRate: { ideal: 15 } }, audio: false })
      : devices.getUserMedia(
          source === "camera" ? { video: { ...CAMERA, ...chosen } } : { audio: { ...MICROPHONE, ...chosen } },
        ));
    const track = stream.getTracks()[0];
    if (!track) throw new CaptureError("failed", "the stream has no track");
    track.contentHint = HINTS[source];
    return track;
  } catch (error) {
    throw error instanceof CaptureError ? error : new CaptureError(problemOf(error), String(error));
  }
};

export type CaptureBoth = () => Promise<{ microphone: MediaStreamTrack; camera: MediaStreamTrack }>;

/** Microphone and camera with one question instead of two. Fails when either does. */
export const captureBoth: CaptureBoth = async () => {
  const devices = (navigator as Partial<Navigator>).mediaDevices;
  if (!devices) throw new CaptureError("insecure", "no mediaDevices");
  const stream = await devices.getUserMedia({ audio: MICROPHONE, video: CAMERA });
  const [microphone] = stream.getAudioTracks();
  const [camera] = stream.getVideoTracks();
  if (!microphone || !camera) throw new CaptureError("failed", "a track is missing");
  microphone.contentHint = HINTS.microphone;
  camera.contentHint = HINTS.camera;
  return { microphone, camera };
};

function problemOf(error: unknown): CaptureProblem {
  switch (error instanceof Error ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return "denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "not_found";
    case "NotReadableError":
    case "AbortError":
      return "in_use";
    case "TypeError":
      return "unsupported";
    default:
      return "failed";
  }
}

export function canShareScreen(): boolean {
  const devices = (navigator as Partial<Navigator>).mediaDevices;
  return typeof devices?.getDisplayMedia === "function";
}
