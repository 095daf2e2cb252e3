import type { ChatFiles, Conversation, MessageView } from "@alltid-oppet/client";
import { useLanguage, useTranslate } from "./i18n/texts";
import { Message } from "./Message";
import { dayKey, longDay } from "./times";

interface Props {
  messages: readonly MessageView[];
  conversation: Conversation | null;
  files: ChatFiles | null;
  receipts: boolean;
  writable: boolean;
  reveal: number | null;
  remarks?: ReadonlyMap<number, string> | undefined;
  onEdit?: (message: MessageView) => void;
}

/** Messages with the days between them. */
export function Messages({ messages, reveal, remarks, ...rest }: Props) {
  const t = useTranslate();
  const language = useLanguage();
  return (
    <>
      {messages.flatMap((message, index) => {
        const before = messages[index - 1];
        const isNewDay = !before || dayKey(before.atMs) !== dayKey(message.atMs);
        const key = `${message.author}:${message.clientId}`;
        const remark = message.seq === null ? undefined : remarks?.get(message.seq);
        return [
          isNewDay && (
            <p key={`day ${key}`} class="ao-chat-day">
              {dayKey(message.atMs) === dayKey(Date.now()) ? t("today") : longDay(language, message.atMs)}
            </p>
          ),
          <Message key={key} message={message} {...rest} found={message.seq !== null && message.seq === reveal} />,
          remark && (
            <p key={`remark ${key}`} class="ao-chat-note" data-testid="remark">
              {remark}
            </p>
          ),
        ];
      })}
    </>
  );
}
