import type { MeetingSession, SessionState, WaitingPerson } from "@alltid-oppet/client";
import { useEffect, useRef, useState } from "preact/hooks";
import { useTranslate } from "../i18n/context";
import type { MessageKey, Values } from "../i18n/messages";

/** In a bigger group, everybody's microphone going on and off would drown the rest. */
const FEW = 3;

/** Tells screen readers what the eye would notice: who comes and goes, who is muted, how the connection is. */
export function Announcer({ session }: { session: MeetingSession }) {
  const t = useTranslate();
  const [said, setSaid] = useState({ number: 0, text: "" });
  const translate = useRef(t);
  translate.current = t;
  useEffect(() => {
    const say = (key: MessageKey, values?: Values): void => {
      const text = translate.current(key, values);
      setSaid(({ number }) => ({ number: number + 1, text }));
    };
    say("said_in_meeting");
    let state: SessionState = session.snapshot.state;
    let active = session.media.active();
    let waiting = new Set<string>();
    const sayWaiting = (people: readonly WaitingPerson[]): void => {
      for (const { participant_id: id, display_name: name } of people) {
        if (!waiting.has(id)) say("said_waiting", { name });
      }
      waiting = new Set(people.map((person) => person.participant_id));
    };
    sayWaiting(session.snapshot.waiting);
    const stop = [
      session.on("participant_joined", (person) => say("said_joined", { name: person.display_name })),
      session.on("participant_left", ({ participant }) => say("said_left", { name: participant.display_name })),
      session.on("participant_changed", ({ before, now }) => {
        if (now.participant_id === session.snapshot.selfId) return;
        const values = { name: now.display_name };
        if (before.state !== now.state) say(now.state === "lost" ? "said_lost" : "said_back", values);
        else if (before.sources.screen !== now.sources.screen) {
          say(now.sources.screen ? "said_sharing" : "said_sharing_ended", values);
        } else if (before.sources.microphone !== now.sources.microphone && session.snapshot.participants.length <= FEW) {
          say(now.sources.microphone ? "said_unmuted" : "said_muted", values);
        }
      }),
      session.on("changed", (snapshot) => {
        sayWaiting(snapshot.waiting);
        if (snapshot.state === state) return;
        if (snapshot.state === "reconnecting") say("said_reconnecting");
        else if (snapshot.state === "connected" && state === "reconnecting") say("said_connected");
        state = snapshot.state;
      }),
      session.media.on("changed", () => {
        const now = session.media.active();
        if (now.microphone !== active.microphone) say(now.microphone ? "said_you_unmuted" : "said_you_muted");
        if (now.camera !== active.camera) say(now.camera ? "said_camera_on" : "said_camera_off");
        active = now;
      }),
    ];
    return () => stop.forEach((one) => one());
  }, [session]);
  return (
    <div class="ds-sr-only" role="status" aria-live="polite" data-testid="announcer">
      <p key={said.number}>{said.text}</p>
    </div>
  );
}
