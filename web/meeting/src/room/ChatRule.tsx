import { useConversation } from "@alltid-oppet/chat";
import type { Conversation } from "@alltid-oppet/client";
import { useEffect, useId, useState } from "preact/hooks";
import { useTranslate } from "../i18n/context";

/** The host's switch: whether participants write in the meeting's chat, or only read. */
export function ChatRule({ conversation }: { conversation: Conversation }) {
  const t = useTranslate();
  const id = useId();
  const { hostsOnly, status } = useConversation(conversation);
  // What was asked for, until the server tells everybody: its news may come before or after its answer.
  const [asked, setAsked] = useState<boolean | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => setAsked(null), [hostsOnly]);
  const isOn = asked ?? !hostsOnly;
  const change = (on: boolean): void => {
    setFailed(false);
    setAsked(on);
    conversation.rule(!on).catch(() => {
      setAsked(null);
      setFailed(true);
    });
  };
  return (
    <div class="ds-field ao-check ao-chat-rule">
      <input
        id={id}
        type="checkbox"
        role="switch"
        class="ds-input"
        data-testid="participants-chat"
        checked={isOn}
        disabled={status === "ended"}
        onChange={(event) => change(event.currentTarget.checked)}
      />
      <label for={id} class="ds-label" data-weight="regular">
        {t("chat_rule")}
      </label>
      {failed && (
        <p class="ds-validation-message" role="alert">
          {t("action_failed")}
        </p>
      )}
    </div>
  );
}
