import type { MeetingSession } from "@alltid-oppet/client";
import { useRef, useState } from "preact/hooks";
import { HelpDialog, KEYS } from "../dialogs/HelpDialog";
import { SettingsDialog } from "../dialogs/SettingsDialog";
import { useShortcuts } from "../hooks/useShortcuts";
import { useSnapshot, useSources } from "../hooks/useSnapshot";
import { useTranslate } from "../i18n/context";
import { Icon } from "../parts/Icon";
import { loadPreference, savePreference } from "../preferences";
import { Announcer } from "../room/Announcer";
import { Banner } from "../room/Banner";
import { ControlBar } from "../room/ControlBar";
import { People } from "../room/People";
import { Sound } from "../room/Sound";
import { Stage } from "../room/Stage";

interface Props {
  session: MeetingSession;
  speakerId: string;
  onSpeaker: (deviceId: string) => void;
}

/** The meeting itself. */
export function Room({ session, speakerId, onSpeaker }: Props) {
  const t = useTranslate();
  const snapshot = useSnapshot(session);
  const { camera, screen } = useSources(session.media);
  const [dialog, setDialog] = useState<"settings" | "help" | null>(null);
  const [people, setPeople] = useState(false);
  const [shortcuts, setShortcuts] = useState(loadPreference("shortcuts") !== "off");
  const root = useRef<HTMLDivElement>(null);

  const togglePeople = (): void => (people ? closePeople() : setPeople(true));
  const closePeople = (): void => {
    setPeople(false);
    root.current?.querySelector<HTMLElement>("[data-testid=toggle-people]")?.focus();
  };
  useShortcuts(
    {
      [KEYS.microphone]: () => void session.media.toggle("microphone"),
      [KEYS.camera]: () => void session.media.toggle("camera"),
      [KEYS.share]: () => void session.media.toggle("screen"),
      [KEYS.people]: togglePeople,
      [KEYS.settings]: () => setDialog("settings"),
      [KEYS.help]: () => setDialog("help"),
    },
    shortcuts,
  );
  return (
    <div class="ao-room" ref={root} data-color-scheme="dark" data-testid="room">
      <header class="ao-topbar">
        <h1 class="ao-room-name" data-testid="room-name">
          {snapshot.roomName || t("room_unnamed")}
        </h1>
        <button type="button" class="ao-small" data-testid="open-settings" onClick={() => setDialog("settings")}>
          <Icon name="settings" />
          <span>{t("settings")}</span>
        </button>
        <button type="button" class="ao-small" data-testid="open-help" onClick={() => setDialog("help")}>
          <Icon name="help" />
          <span>{t("help")}</span>
        </button>
      </header>
      <main class="ao-middle">
        <Banner snapshot={snapshot} cameraOn={camera.active} />
        {screen.active && (
          <p class="ao-banner ao-banner-share" data-testid="sharing">
            {t("screen_yours")}
            <button type="button" class="ao-small" onClick={() => void session.media.set("screen", false)}>
              {t("screen_stop")}
            </button>
          </p>
        )}
        <div class="ao-main">
          <Stage participants={snapshot.participants} onShowPeople={() => setPeople(true)} />
          {people && <People participants={snapshot.participants} onClose={closePeople} />}
        </div>
      </main>
      <ControlBar
        media={session.media}
        peopleCount={snapshot.participants.length}
        peopleOpen={people}
        shortcuts={shortcuts}
        onPeople={togglePeople}
        onLeave={() => session.leave()}
      />
      <Sound tracks={snapshot.audio} speakerId={speakerId} />
      <Announcer session={session} />
      <SettingsDialog
        open={dialog === "settings"}
        onClose={() => setDialog(null)}
        media={session.media}
        speakerId={speakerId}
        onSpeaker={onSpeaker}
      />
      <HelpDialog
        open={dialog === "help"}
        onClose={() => setDialog(null)}
        shortcuts={shortcuts}
        onShortcuts={(enabled) => {
          savePreference("shortcuts", enabled ? "on" : "off");
          setShortcuts(enabled);
        }}
      />
    </div>
  );
}
