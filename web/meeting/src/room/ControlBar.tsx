import { type Conversation, type LocalMedia, canShareScreen } from "@alltid-oppet/client";
import { KEYS } from "../dialogs/HelpDialog";
import { useSources } from "../hooks/useSnapshot";
import { useTranslate } from "../i18n/context";
import { Icon } from "../parts/Icon";
import { SourceButton } from "../parts/SourceButton";
import { ChatButton } from "./ChatButton";

interface Props {
  media: LocalMedia;
  peopleCount: number;
  peopleOpen: boolean;
  /** The meeting's chat, where there is one. */
  conversation: Conversation | null;
  chatOpen: boolean;
  shortcuts: boolean;
  onChat: () => void;
  onPeople: () => void;
  onLeave: () => void;
}

/** What one does all the time: microphone, camera, screen, people, leave. */
export function ControlBar(props: Props) {
  const { media, peopleCount, peopleOpen, conversation, chatOpen, shortcuts, onChat, onPeople, onLeave } = props;
  const t = useTranslate();
  const { microphone, camera, screen } = useSources(media);
  const key = (name: keyof typeof KEYS): string | undefined => (shortcuts ? KEYS[name] : undefined);
  return (
    <section class="ao-controls" aria-label={t("room_controls")}>
      <SourceButton
        source="microphone"
        active={microphone.active}
        busy={microphone.busy}
        shortcut={key("microphone")}
        onToggle={() => void media.toggle("microphone")}
      />
      <SourceButton
        source="camera"
        active={camera.active}
        busy={camera.busy}
        shortcut={key("camera")}
        onToggle={() => void media.toggle("camera")}
      />
      {canShareScreen() && (
        <button
          type="button"
          class="ao-control ao-control-plain"
          data-testid="toggle-screen"
          data-active={screen.active}
          aria-pressed={screen.active}
          aria-keyshortcuts={key("share")}
          aria-label={t("share")}
          title={t("share")}
          onClick={() => void media.toggle("screen")}
        >
          <Icon name="screen" />
          <span class="ao-control-label">{t("share_short")}</span>
        </button>
      )}
      <button
        type="button"
        class="ao-control ao-control-plain"
        data-testid="toggle-people"
        data-active={peopleOpen}
        aria-expanded={peopleOpen}
        aria-keyshortcuts={key("people")}
        onClick={onPeople}
      >
        <Icon name="people" />
        <span class="ao-control-label">{t("people")}</span>
        <span class="ao-control-count" data-testid="people-count">
          {peopleCount}
        </span>
      </button>
      {conversation && <ChatButton conversation={conversation} open={chatOpen} onToggle={onChat} />}
      <button type="button" class="ao-control ao-control-leave" data-testid="leave" onClick={onLeave}>
        <Icon name="leave" />
        <span class="ao-control-label">{t("leave")}</span>
      </button>
    </section>
  );
}
