import { type DeviceChoice, type DeviceList, type LocalMedia, NO_DEVICES, listDevices, onDeviceChange } from "@alltid-oppet/client";
import { useEffect, useId, useState } from "preact/hooks";
import { useSources } from "../hooks/useSnapshot";
import { useTranslate } from "../i18n/context";

interface Props {
  media: LocalMedia;
  speakerId: string;
  onSpeaker: (deviceId: string) => void;
}

/** Choice of microphone, camera and, where the browser allows it, loudspeaker. */
export function DeviceFields({ media, speakerId, onSpeaker }: Props) {
  const t = useTranslate();
  const sources = useSources(media);
  const [devices, setDevices] = useState<DeviceList>(NO_DEVICES);
  const { microphone, camera } = sources;
  useEffect(() => {
    const read = (): void => void listDevices().then(setDevices, () => undefined);
    read();
    return onDeviceChange(read);
    // Names appear once a device may be used: read again then.
  }, [microphone.track, camera.track]);
  return (
    <>
      <DeviceField
        label={t("microphone")}
        name="microphone"
        devices={devices.microphones}
        chosen={microphone.deviceId}
        onChoose={(id) => void media.choose("microphone", id)}
      />
      <DeviceField
        label={t("camera")}
        name="camera"
        devices={devices.cameras}
        chosen={camera.deviceId}
        onChoose={(id) => void media.choose("camera", id)}
      />
      {devices.speakers.length > 0 && (
        <DeviceField label={t("speaker")} name="speaker" devices={devices.speakers} chosen={speakerId} onChoose={onSpeaker} />
      )}
    </>
  );
}

interface FieldProps {
  label: string;
  name: string;
  devices: DeviceChoice[];
  chosen: string | null;
  onChoose: (deviceId: string) => void;
}

function DeviceField({ label, name, devices, chosen, onChoose }: FieldProps) {
  const t = useTranslate();
  const id = useId();
  const known = devices.some((device) => device.deviceId === chosen);
  return (
    <div class="ds-field">
      <label for={id} class="ds-label">
        {label}
      </label>
      <select
        id={id}
        class="ds-input"
        data-testid={`device-${name}`}
        value={known ? (chosen ?? "") : ""}
        onChange={(event) => onChoose(event.currentTarget.value)}
      >
        {!known && <option value="">{t(devices.length > 0 ? "device_default" : "device_none")}</option>}
        {devices.map((device, index) => (
          <option key={device.deviceId} value={device.deviceId}>
            {device.label || t("device_unnamed", { kind: label, number: index + 1 })}
          </option>
        ))}
      </select>
    </div>
  );
}
