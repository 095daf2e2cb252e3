/** The meeting's pages: `/meeting/{id}` with the session's right to it, `/meeting#token=...` with a link's own. */
import "./styles/index.css";
import { LANGUAGES, type Language, type MeetingElement, isLanguage, mountMeeting } from "@alltid-oppet/meeting";
import { MeetingPage } from "./meeting/MeetingPage";
import { mountPage } from "./mount";

const TITLES: Record<Language, string> = { sv: "Videomöte – Alltid öppet", en: "Video meeting – Alltid öppet" };

/** `#token=...`, and `lang=en` where the link's maker knows the person's language. The fragment never leaves the browser. */
function fromFragment(): { token: string; language: Language | undefined } {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const language = fragment.get("lang");
  return { token: fragment.get("token") ?? "", language: isLanguage(language) ? language : undefined };
}

function openLink(): () => void {
  const { token, language } = fromFragment();
  return mountMeeting(document.getElementById("page") as MeetingElement, {
    url: location.origin,
    token,
    ...(language && { language }),
    onLanguage: (chosen) => {
      document.documentElement.lang = chosen;
      document.title = TITLES[chosen] ?? LANGUAGES[chosen].name;
    },
  });
}

/** The id in `/meeting/{id}`, or null. */
function meetingId(): string | null {
  const id = /^\/meeting\/([^/]+)\/?$/.exec(location.pathname)?.[1];
  return id ? decodeURIComponent(id) : null;
}

const id = meetingId();
if (id !== null) {
  mountPage("title_meeting", <MeetingPage meetingId={id} />);
} else {
  let close = openLink();
  // Another meeting's link pasted into the same tab changes only the fragment.
  addEventListener("hashchange", () => {
    close();
    close = openLink();
  });
}
