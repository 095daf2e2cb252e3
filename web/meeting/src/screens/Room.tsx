import type { MeetingSession, ParticipantView, WaitingPerson } from "@alltid-oppet/client";
import { useRef, useState } from "preact/hooks";
import { ConfirmDialog } from "../dialogs/ConfirmDialog";
import { HelpDialog, KEYS } from "../dialogs/HelpDialog";
import { SettingsDialog } from "../dialogs/SettingsDialog";
import type { RoomChat } from "../hooks/useMeetingChat";
import { useShortcuts } from "../hooks/useShortcuts";
import { useSnapshot, useSources } from "../hooks/useSnapshot";
import { useTranslate } from "../i18n/context";
import { ActingForStrip } from "../parts/ActingFor";
import { Icon } from "../parts/Icon";
import { loadPreference, savePreference } from "../preferences";
import { Announcer } from "../room/Announcer";
import { Banner } from "../room/Banner";
import { ChatPanel } from "../room/ChatPanel";
import { ControlBar } from "../room/ControlBar";
import { LobbyBar } from "../room/Lobby";
import { People } from "../room/People";
import { Sound } from "../room/Sound";
import { Stage } from "../room/Stage";

interface Props {
  session: MeetingSession;
  speakerId: string;
  onSpeaker: (deviceId: string) => void;
  chat?: RoomChat | null;
}

/** The meeting itself. */
export function Room({ session, speakerId, onSpeaker, chat = null }: Props) {
  const t = useTranslate();
  const snapshot = useSnapshot(session);
  const { camera, screen } = useSources(session.media);
  const [dialog, setDialog] = useState<"settings" | "help" | null>(null);
  const [panel, setPanel] = useState<"people" | "chat" | null>(null);
  const people = panel === "people";
  const [shortcuts, setShortcuts] = useState(loadPreference("shortcuts") !== "off");
  const [leaver, setLeaver] = useState<{ person: Leaver; waiting: boolean } | null>(null);
  const root = useRef<HTMLDivElement>(null);
  const self = snapshot.participants.find((person) => person.isSelf);
  const isHost = self?.role === "host";
  const admit = (person: WaitingPerson): Promise<void> => session.admit(person.participant_id);
  const remove = async (participantId: string): Promise<void> => {
    await session.remove(participantId);
    // The button that was pressed goes away with the person.
    setTimeout(focusPeople);
  };
  const deny = (person: Leaver): void => setLeaver({ person, waiting: true });

  const showPeople = (): void => setPanel("people");
  const togglePeople = (): void => (people ? closePeople() : showPeople());
  const focusPeople = (): void => root.current?.querySelector<HTMLElement>("[data-testid=toggle-people]")?.focus();
  const closePeople = (): void => {
    setPanel(null);
    focusPeople();
  };
  const closeChat = (): void => {
    setPanel(null);
    root.current?.querySelector<HTMLElement>("[data-testid=toggle-chat]")?.focus();
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
      <ActingForStrip />
      <main class="ao-middle">
        {isHost && !people && <LobbyBar people={snapshot.waiting} onAdmit={admit} onDeny={deny} onShowAll={showPeople} />}
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
          <Stage
            participants={snapshot.participants}
            onShowPeople={showPeople}
            onWanted={(wanted, hidden) => session.select(wanted, hidden)}
          />
          {people && (
            <People
              participants={snapshot.participants}
              waiting={isHost ? snapshot.waiting : []}
              onAdmit={admit}
              onDeny={deny}
              onRemove={isHost ? (person) => setLeaver({ person, waiting: false }) : undefined}
              onClose={closePeople}
            />
          )}
          {panel === "chat" && chat && <ChatPanel chat={chat} withFiles={self?.role !== "interpreter"} isHost={isHost} onClose={closeChat} />}
        </div>
      </main>
      <ControlBar
        media={session.media}
        peopleCount={snapshot.participants.length}
        peopleOpen={people}
        conversation={chat?.conversation ?? null}
        chatOpen={panel === "chat"}
        shortcuts={shortcuts}
        onChat={() => (panel === "chat" ? closeChat() : setPanel("chat"))}
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
      <RemoveDialog leaver={leaver} onRemove={remove} onClose={() => setLeaver(null)} />
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

type Leaver = Pick<ParticipantView, "participant_id" | "display_name">;

interface RemoveProps {
  leaver: { person: Leaver; waiting: boolean } | null;
  onRemove: (participantId: string) => Promise<void>;
  onClose: () => void;
}

/** Asks before somebody is turned away or taken out: what let them in is used up by that. */
function RemoveDialog({ leaver, onRemove, onClose }: RemoveProps) {
  const t = useTranslate();
  const last = useRef(leaver);
  if (leaver) last.current = leaver;
  const kind = last.current?.waiting ? "deny" : "remove";
  const name = last.current?.person.display_name ?? "";
  return (
    <ConfirmDialog
      open={leaver !== null}
      name={kind}
      title={t(`${kind}_title`, { name })}
      text={t(`${kind}_text`, { name })}
      confirm={t(`${kind}_confirm`)}
      onConfirm={() => onRemove(last.current!.person.participant_id)}
      onClose={onClose}
    />
  );
}
