/** The cameras, microphones and loudspeakers of this machine. */
export interface DeviceChoice {
  deviceId: string;
  /** Empty until the person has allowed the microphone or camera. */
  label: string;
}

export interface DeviceList {
  microphones: DeviceChoice[];
  cameras: DeviceChoice[];
  /** Empty where the browser does not let a page choose. */
  speakers: DeviceChoice[];
}

export const NO_DEVICES: DeviceList = { microphones: [], cameras: [], speakers: [] };

export async function listDevices(): Promise<DeviceList> {
  const media = (navigator as Partial<Navigator>).mediaDevices;
  if (!media) return NO_DEVICES;
  const all = await media.enumerateDevices();
  const of = (kind: MediaDeviceKind): DeviceChoice[] =>
    all.filter((device) => device.kind === kind && device.deviceId).map(({ deviceId, label }) => ({ deviceId, label }));
  return {
    microphones: of("audioinput"),
    cameras: of("videoinput"),
    speakers: "setSinkId" in HTMLMediaElement.prototype ? of("audiooutput") : [],
  };
}

/** Call `listener` whenever a device comes or goes; the returned function stops that. */
export function onDeviceChange(listener: () => void): () => void {
  const media = (navigator as Partial<Navigator>).mediaDevices;
  media?.addEventListener("devicechange", listener);
  return () => media?.removeEventListener("devicechange", listener);
}
