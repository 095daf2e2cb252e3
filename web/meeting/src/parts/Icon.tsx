/** The icons of the meeting, drawn for it: 24 x 24, lines of 1.75. Always beside a text or inside a named button. */
const PATHS = {
  microphone: ["M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3Z", "M5.5 11a6.5 6.5 0 0 0 13 0", "M12 17.5V21"],
  microphone_off: [
    "M15 9.5V6a3 3 0 0 0-5.7-1.3",
    "M9 9v2a3 3 0 0 0 4.6 2.5",
    "M5.5 11a6.5 6.5 0 0 0 10.2 5.3M18.3 12.5c.1-.5.2-1 .2-1.5",
    "M12 17.5V21",
    "M4 4l16 16",
  ],
  camera: ["M3.5 7.5a1.5 1.5 0 0 1 1.5-1.5h8.5a1.5 1.5 0 0 1 1.5 1.5v9a1.5 1.5 0 0 1-1.5 1.5H5a1.5 1.5 0 0 1-1.5-1.5Z", "M15 10.5l5.5-3v9l-5.5-3"],
  camera_off: ["M9 6h4.5A1.5 1.5 0 0 1 15 7.5v4", "M15 15.5v1a1.5 1.5 0 0 1-1.5 1.5H5a1.5 1.5 0 0 1-1.5-1.5v-9c0-.5.25-.95.6-1.2", "M15 10.5l5.5-3v9l-3-1.6", "M4 4l16 16"],
  screen: ["M3.5 5.5h17v11h-17Z", "M8.5 20h7M12 16.5V20", "M12 13.5v-5M9.7 10.5 12 8.2l2.3 2.3"],
  people: ["M9 11a3.25 3.25 0 1 0 0-6.5A3.25 3.25 0 0 0 9 11Z", "M2.75 19.5c.4-3.3 3-5.25 6.25-5.25s5.85 1.95 6.25 5.25", "M15.5 4.9a3.25 3.25 0 0 1 0 5.7", "M17.5 14.7c2 .7 3.4 2.4 3.75 4.8"],
  leave: ["M10 4.5H5.5v15H10", "M10 12h10M16.5 8.5 20 12l-3.5 3.5"],
  settings: ["M4 7h9M17 7h3M4 17h3M11 17h9", "M15 9.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4Z", "M9 19.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4Z"],
  help: ["M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17Z", "M9.5 9.7a2.5 2.5 0 1 1 3.6 2.2c-.7.4-1.1.9-1.1 1.6v.3", "M12 16.7v.1"],
  close: ["M6 6l12 12M18 6 6 18"],
  check: ["M4.5 12.5l5 5 10-11"],
  door: ["M6 20.5V5a1.5 1.5 0 0 1 1.5-1.5h9A1.5 1.5 0 0 1 18 5v15.5", "M3.5 20.5h17", "M14.5 12v.1"],
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="ao-icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {PATHS[name].map((path) => (
        <path key={path} d={path} />
      ))}
    </svg>
  );
}
