import { useEffect, useState } from "preact/hooks";

/** How often the meter moves. */
const PERIOD_MS = 80;
/** Full deflection; speech close to a microphone is about -20 dBFS. */
const FLOOR_DB = -60;
const CEILING_DB = -12;

/** The loudness of a sound track, 0 to 100; 0 without a track. */
export function useLevel(track: MediaStreamTrack | null): number {
  const [level, setLevel] = useState(0);
  useEffect(() => {
    setLevel(0);
    if (!track) return undefined;
    const context = new AudioContext();
    // Some browsers keep sound asleep until somebody touches the page.
    if (context.state === "suspended") void context.resume().catch(() => undefined);
    const analyser = context.createAnalyser();
    analyser.fftSize = 1024;
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      const decibels = 10 * Math.log10(power || 1e-12);
      const share = (decibels - FLOOR_DB) / (CEILING_DB - FLOOR_DB);
      setLevel(Math.round(100 * Math.min(1, Math.max(0, share))));
    }, PERIOD_MS);
    return () => {
      clearInterval(timer);
      void context.close();
    };
  }, [track]);
  return level;
}
