import { type ChatEvent, type ChatFiles, viewsOf } from "@alltid-oppet/client";
import { h } from "preact";
import { useMemo } from "preact/hooks";
import { type ChatLanguage, LanguageContext, translator } from "./i18n/texts";
import { Messages } from "./Messages";

interface Props {
  /** From the first one on, without a hole. */
  events: readonly ChatEvent[];
  /** One's own `author` in them. */
  me: string;
  language: ChatLanguage;
  files: ChatFiles | null;
  kind?: "messages" | "notes";
  /** What stands with a message, by its number: a correction. */
  remarks?: ReadonlyMap<number, string>;
}

/** A conversation that has ended: to be read, and nothing else. */
export function Transcript({ events, me, language, files, kind = "messages", remarks }: Props) {
  const t = translator(language);
  const messages = useMemo(() => viewsOf(events, me), [events, me]);
  const view = (
    <div class="ao-chat" lang={language} data-testid="transcript">
      <div class="ao-chat-scroll">
        <div class="ao-chat-log" role="log" aria-live="off" aria-label={t(kind === "notes" ? "log_notes" : "log")} tabIndex={0} data-testid="chat-log">
          {messages.length === 0 && <p class="ao-chat-system">{t(kind === "notes" ? "empty_notes" : "empty")}</p>}
          <Messages messages={messages} conversation={null} files={files} receipts={false} writable={false} reveal={null} remarks={remarks} />
        </div>
      </div>
    </div>
  );
  return h(LanguageContext.Provider, { value: language, children: view });
}
