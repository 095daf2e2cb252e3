/**
 * The real meeting room over a session without a network, for looking at it and for the accessibility tests.
 * demo.html?people=4&lang=en&state=reconnecting&screen=1&people-off=... ; never part of a build.
 */
import { LanguageProvider, Room, isLanguage } from "@alltid-oppet/meeting";
import { render } from "preact";
import "../meeting/src/styles/index.css";
import { DemoSession } from "./session";

const query = new URLSearchParams(location.search);
const language = query.get("lang") ?? "sv";
const session = new DemoSession({
  people: Number(query.get("people") ?? 4),
  screen: query.has("screen"),
  state: query.get("state") === "reconnecting" ? "reconnecting" : "connected",
});
await session.media.set("microphone", !query.has("muted"));
await session.media.set("camera", true);

const element = document.getElementById("meeting")!;
document.documentElement.lang = language;
render(
  <LanguageProvider initial={isLanguage(language) ? language : "sv"} onChange={() => undefined}>
    <div class="ao-meeting">
      <Room session={session} speakerId="" onSpeaker={() => undefined} />
    </div>
  </LanguageProvider>,
  element,
);
