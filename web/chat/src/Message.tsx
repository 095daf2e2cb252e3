import type { ChatFiles, Conversation, MessageView } from "@alltid-oppet/client";
import { useState } from "preact/hooks";
import { Attachment } from "./Attachment";
import { type TextKey, useLanguage, useTranslate } from "./i18n/texts";
import { refusalText } from "./refusals";
import { clock } from "./times";

const SYSTEM: Record<string, TextKey> = { closed: "case_closed", reopened: "case_reopened", assigned: "case_assigned" };

interface Props {
  message: MessageView;
  /** Null: it can only be read. */
  conversation: Conversation | null;
  files: ChatFiles | null;
  /** Nobody is told who has read what here. */
  receipts: boolean;
  writable: boolean;
  /** A search led here. */
  found: boolean;
  onEdit?: (message: MessageView) => void;
}

export function Message({ message, conversation, files, receipts, writable, found, onEdit }: Props) {
  const t = useTranslate();
  const language = useLanguage();
  const [open, setOpen] = useState(false);
  if (message.system) {
    const key = SYSTEM[String(message.system["state"])];
    return key ? <p class="ao-chat-system">{t(key)}</p> : null;
  }
  const { own, seq, status, withdrawn, failure, clientId } = message;
  const mayChange = writable && conversation !== null && seq !== null && conversation.mayChange(message, Date.now());
  const shown = status === null || (!receipts && status !== "waiting" && status !== "failed") ? null : status;
  return (
    <article class="ao-chat-message" data-testid="message" data-own={own} data-seq={seq ?? ""} data-status={status ?? ""} data-found={found} tabIndex={-1}>
      <p class="ao-chat-meta">
        <span class="ao-chat-author">{own ? t("you") : message.authorName}</span>
        <time dateTime={new Date(message.atMs).toISOString()}>{clock(language, message.atMs)}</time>
      </p>
      <div class="ao-chat-bubble">
        {withdrawn ? <em>{t("withdrawn")}</em> : message.text && <p data-testid="message-text">{message.text}</p>}
        {!withdrawn && !message.text && message.attachments.length === 0 && <em>{t("file_hidden")}</em>}
        {message.attachments.map((attachment) => (
          <Attachment key={attachment.attachment_id} attachment={attachment} files={files} />
        ))}
      </div>
      <p class="ao-chat-status">
        {message.edited && <span>{t("edited")}</span>}
        {shown && <span data-testid="message-status">{t(`status_${shown}`)}</span>}
        {mayChange && (
          <button
            type="button"
            class="ao-chat-more"
            aria-expanded={open}
            aria-label={t("options", { text: message.text.slice(0, 40) })}
            data-testid="message-options"
            onClick={() => setOpen(!open)}
          >
            <span aria-hidden="true">⋯</span>
          </button>
        )}
      </p>
      {failure && (
        <p class="ao-chat-refused" role="alert">
          {t(refusalText(failure))}
        </p>
      )}
      {failure && conversation && (
        <div class="ao-chat-actions">
          <SmallButton label={t("retry")} name="retry" onClick={() => conversation.retry(clientId)} />
          <SmallButton label={t("discard")} name="discard" onClick={() => conversation.discard(clientId)} />
        </div>
      )}
      {open && mayChange && (
        <div class="ao-chat-actions">
          {message.text && <SmallButton label={t("edit")} name="edit" onClick={() => (setOpen(false), onEdit?.(message))} />}
          <SmallButton label={t("withdraw")} name="withdraw" onClick={() => (setOpen(false), conversation.withdraw(seq))} />
        </div>
      )}
    </article>
  );
}

function SmallButton({ label, name, onClick }: { label: string; name: string; onClick: () => void }) {
  return (
    <button type="button" class="ds-button" data-variant="secondary" data-size="sm" data-testid={`message-${name}`} onClick={onClick}>
      {label}
    </button>
  );
}
