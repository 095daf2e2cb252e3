import { ConversationView } from "@alltid-oppet/chat";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { RoomChat } from "../hooks/useMeetingChat";
import { useLanguage } from "../i18n/context";
import { Icon } from "../parts/Icon";
import { ChatRule } from "./ChatRule";
import { loadPreference, savePreference } from "../preferences";

interface Props {
  chat: RoomChat;
  /** Whether this person may send and fetch files. */
  withFiles: boolean;
  /** Says who may write. */
  isHost: boolean;
  onClose: () => void;
}

/** The meeting's chat, beside the pictures (on small screens in front of them). */
export function ChatPanel({ chat, withFiles, isHost, onClose }: Props) {
  const { language, t } = useLanguage();
  const [live, setLive] = useState(loadPreference("live_text") === "on");
  const heading = useRef<HTMLHeadingElement>(null);
  const id = useId();
  useEffect(() => heading.current?.focus(), []);
  return (
    <aside
      class="ao-chat-panel"
      data-testid="chat-panel"
      data-color-scheme="light"
      aria-labelledby={id}
      onKeyDown={(event) => event.key === "Escape" && onClose()}
    >
      <div class="ao-dialog-head">
        <h2 id={id} ref={heading} tabIndex={-1} class="ds-heading" data-size="2xs">
          {t("chat_title")}
        </h2>
        <button type="button" class="ds-button" data-variant="tertiary" data-icon aria-label={t("close")} onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      {isHost && <ChatRule conversation={chat.conversation} />}
      <ConversationView
        conversation={chat.conversation}
        language={language}
        files={withFiles ? chat.files : null}
        receipts={false}
        enterSends
        live={live}
        onLive={(on) => {
          savePreference("live_text", on ? "on" : "off");
          setLive(on);
        }}
      />
    </aside>
  );
}
