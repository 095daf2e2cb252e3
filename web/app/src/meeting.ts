/** The meeting page: the token from the URL fragment, the front this page came from. */
import "./app.css";
import { LANGUAGES, type Language, type MeetingElement, isLanguage, mountMeeting } from "@alltid-oppet/meeting";

const TITLES: Record<Language, string> = { sv: "Videomöte – Alltid öppet", en: "Video meeting – Alltid öppet" };

/** `#token=...`, and `lang=en` where the link's maker knows the person's language. The fragment never leaves the browser. */
function fromFragment(): { token: string; language: Language | undefined } {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const language = fragment.get("lang");
  return { token: fragment.get("token") ?? "", language: isLanguage(language) ? language : undefined };
}

function open(): () => void {
  const { token, language } = fromFragment();
  return mountMeeting(document.getElementById("meeting") as MeetingElement, {
    url: location.origin,
    token,
    ...(language && { language }),
    onLanguage: (chosen) => {
      document.documentElement.lang = chosen;
      document.title = TITLES[chosen] ?? LANGUAGES[chosen].name;
    },
  });
}

let close = open();
// Another meeting's link pasted into the same tab changes only the fragment.
addEventListener("hashchange", () => {
  close();
  close = open();
});
