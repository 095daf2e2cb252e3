import type { Conversation } from "@alltid-oppet/client";
import { useEffect, useState } from "preact/hooks";
import { type ChatLanguage, translator } from "./i18n/texts";

interface Props {
  conversation: Conversation;
  language: ChatLanguage;
  /** The conversation is on the screen: the text is said as well. */
  open: boolean;
}

/** Tells screen readers of what others write, also while the conversation is closed. */
export function Arrivals({ conversation, language, open }: Props) {
  const [said, setSaid] = useState({ number: 0, text: "" });
  useEffect(
    () =>
      conversation.on("arrived", ({ authorName: name, text }) => {
        const t = translator(language);
        const words = !open ? t("said_new", { name }) : text ? t("said", { name, text }) : t("said_files", { name });
        setSaid(({ number }) => ({ number: number + 1, text: words }));
      }),
    [conversation, language, open],
  );
  return (
    <div class="ds-sr-only" role="status" aria-live="polite" data-testid="chat-announcer">
      <p key={said.number}>{said.text}</p>
    </div>
  );
}
