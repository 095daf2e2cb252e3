import { useEffect, useRef, useState } from "preact/hooks";

interface Props {
  track: MediaStreamTrack;
  source: "camera" | "screen";
  /** One's own camera, as in a mirror. */
  mirrored?: boolean;
}

/** Shows one video track; stays transparent until its first picture is there. Sound is played elsewhere. */
export function Video({ track, source, mirrored = false }: Props) {
  const ref = useRef<HTMLVideoElement>(null);
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    const video = ref.current!;
    setVisible(false);
    video.srcObject = new MediaStream([track]);
    video.play().catch(() => undefined);
    return () => {
      video.srcObject = null;
    };
  }, [track]);
  return (
    <video
      ref={ref}
      class="ao-video"
      data-testid="video"
      data-source={source}
      data-visible={visible}
      data-mirrored={mirrored}
      onLoadedData={() => setVisible(true)}
      autoplay
      muted
      playsInline
      aria-hidden="true"
      tabIndex={-1}
    />
  );
}
