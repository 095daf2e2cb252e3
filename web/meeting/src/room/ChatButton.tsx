import { Arrivals, useConversation } from "@alltid-oppet/chat";
import type { Conversation } from "@alltid-oppet/client";
import { useLanguage } from "../i18n/context";
import { Icon } from "../parts/Icon";

interface Props {
  conversation: Conversation;
  open: boolean;
  onToggle: () => void;
}

/** Opens the chat; says how many messages are new, and reads them aloud to screen readers. */
export function ChatButton({ conversation, open, onToggle }: Props) {
  const { language, t } = useLanguage();
  const { unread } = useConversation(conversation);
  return (
    <>
      <button
        type="button"
        class="ao-control ao-control-plain"
        data-testid="toggle-chat"
        data-active={open}
        aria-expanded={open}
        onClick={onToggle}
      >
        <Icon name="chat" />
        <span class="ao-control-label">{t("chat")}</span>
        {unread > 0 && (
          <span class="ao-control-count ao-control-new" data-testid="chat-unread">
            <span class="ds-sr-only">{t("chat_unread", { count: "" })}</span>
            {unread}
          </span>
        )}
      </button>
      <Arrivals conversation={conversation} language={language} open={open} />
    </>
  );
}
