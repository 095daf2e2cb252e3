/** Small choices that outlive the tab. Never anything about a meeting or a person. */
export type Preference = "language" | "live_text" | "shortcuts" | "speaker";

const key = (name: Preference): string => `alltid-oppet:preference:${name}`;

export function loadPreference(name: Preference): string | null {
  try {
    return localStorage.getItem(key(name));
  } catch {
    return null;
  }
}

export function savePreference(name: Preference, value: string): void {
  try {
    localStorage.setItem(key(name), value);
  } catch {
    // Forbidden storage: the choice lasts as long as the page.
  }
}
