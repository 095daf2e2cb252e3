/**
 * The real meeting room over a session without a network, for looking at it and for the accessibility tests.
 * demo.html?screen-name=waiting&before=2&host=1&estimate=240 for the waiting room,
 * demo.html?screen-name=case for a conversation between a patient and a unit, or
 * demo.html?people=4&lang=en&waiting=2&state=reconnecting&screen=1&chat=1&people-off=... ; never part of a build.
 */
import { Board, ConversationView } from "@alltid-oppet/chat";
import { LanguageProvider, Room, WaitingRoom, isLanguage } from "@alltid-oppet/meeting";
import { render } from "preact";
import "../meeting/src/styles/index.css";
import { BOARD, changeRules, demoChat } from "./chat";
import { DemoSession } from "./session";

const query = new URLSearchParams(location.search);
const language = query.get("lang") ?? "sv";
const session = new DemoSession({
  people: Number(query.get("people") ?? 4),
  screen: query.has("screen"),
  waiting: Number(query.get("waiting") ?? 0),
  state: query.get("state") === "reconnecting" ? "reconnecting" : "connected",
});
await session.media.set("microphone", !query.has("muted"));
await session.media.set("camera", true);

const place = {
  position: Number(query.get("before") ?? 0) + 1,
  people_before: Number(query.get("before") ?? 0),
  host_present: query.has("host"),
  estimated_wait_s: query.has("estimate") ? Number(query.get("estimate")) : null,
  title: "Läkarbesök, Vårdcentralen Björken",
  startsAt: Math.floor(Date.now() / 1000) + 600,
  phone: "08-123 45 67",
  reconnecting: query.get("state") === "reconnecting",
};
const isCase = query.get("screen-name") === "case";
const chat = query.has("chat") || isCase ? demoChat() : null;
Object.assign(window, { session, changeRules, chat: chat?.conversation });
const element = document.getElementById("meeting")!;
document.documentElement.lang = language;
render(
  <LanguageProvider initial={isLanguage(language) ? language : "sv"} onChange={() => undefined}>
    <div class="ao-meeting">
      {query.get("screen-name") === "waiting" ? (
        <WaitingRoom media={session.media} place={place} onLeave={() => undefined} />
      ) : isCase ? (
        <main style="height: 100%; display: flex; flex-direction: column">
          <h1 class="ds-heading" data-size="xs" style="padding: 1rem">
            {language === "sv" ? "Fråga om provsvar" : "A question on test results"}
          </h1>
          <ConversationView conversation={chat!.conversation} files={chat!.files} language={isLanguage(language) ? language : "sv"}>
            <Board unit={BOARD} />
          </ConversationView>
        </main>
      ) : (
        <Room session={session} speakerId="" onSpeaker={() => undefined} chat={chat} />
      )}
    </div>
  </LanguageProvider>,
  element,
);
