import type { ChatFiles, Conversation, MessageView } from "@alltid-oppet/client";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { ACCEPTED_FILES } from "./accepted";
import { useLanguage, useTranslate } from "./i18n/texts";
import { canSendAgain, fileRefusal } from "./refusals";
import { useUploads } from "./useUploads";

const MAX_CHARACTERS = 8_000;
const MAX_FILES = 10;

interface Props {
  conversation: Conversation;
  /** Null: no files here. */
  files: ChatFiles | null;
  /** Return sends, as in a quick talk; with Shift it makes a new line. */
  enterSends: boolean;
  /** The others read along; null: not offered here. */
  live: boolean | null;
  onLive: (live: boolean) => void;
  /** The message that is being changed. */
  editing: MessageView | null;
  onDone: () => void;
  kind: "messages" | "notes";
  /** What one has to know before sending. */
  children?: ComponentChildren;
}

export function Composer({ conversation, files, enterSends, live, onLive, editing, onDone, kind, children }: Props) {
  const t = useTranslate();
  const language = useLanguage();
  const id = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(conversation.draft);
  const [tooMany, setTooMany] = useState(false);
  const uploads = useUploads(files);
  useEffect(() => {
    if (!editing) return;
    setText(editing.text);
    field.current?.focus();
  }, [editing]);

  const isUploading = uploads.list.some((upload) => !upload.attachment && !upload.error);
  const attachments = uploads.list.flatMap((upload) => upload.attachment ?? []);
  const isEmpty = text.trim() === "" && (editing !== null || attachments.length === 0);
  const changed = (value: string): void => {
    setText(value);
    if (editing) return;
    conversation.draft = value;
    conversation.typing(value, live === true);
  };
  const done = (): void => {
    // After a change, what was being written before it is there again.
    setText(conversation.draft);
    onDone();
    field.current?.focus();
  };
  const send = (): void => {
    if (isEmpty || isUploading) return;
    if (editing) {
      if (text !== editing.text) conversation.edit(editing.seq!, text);
    } else {
      conversation.send(text, attachments);
      conversation.draft = "";
      uploads.clear();
    }
    done();
  };
  const choose = (chosen: readonly File[]): void => {
    const free = MAX_FILES - uploads.list.length;
    setTooMany(chosen.length > free);
    uploads.add(chosen.slice(0, free));
  };
  const pressed = (event: KeyboardEvent): void => {
    const wanted = enterSends ? !event.shiftKey : event.ctrlKey || event.metaKey;
    if (event.key === "Enter" && wanted && !event.isComposing) {
      event.preventDefault();
      send();
    }
  };
  return (
    <form
      class="ao-chat-composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {editing && (
        <p class="ao-chat-editing">
          {t("editing")}
          <button type="button" class="ds-button" data-variant="tertiary" data-size="sm" onClick={done}>
            {t("cancel")}
          </button>
        </p>
      )}
      <label class="ds-label" for={id} data-size="sm">
        {t(kind === "notes" ? "write_note" : "write")}
      </label>
      <textarea
        id={id}
        ref={field}
        class="ds-input ao-chat-field"
        rows={2}
        maxLength={MAX_CHARACTERS}
        value={text}
        data-testid="chat-text"
        enterkeyhint={enterSends ? "send" : "enter"}
        onInput={(event) => changed(event.currentTarget.value)}
        onKeyDown={pressed}
      />
      {uploads.list.length > 0 && (
        <ul class="ao-chat-uploads">
          {uploads.list.map((upload) => (
            <li key={upload.id} data-testid="upload" data-error={upload.error?.code}>
              <span role={upload.error ? "alert" : undefined}>
                {upload.error
                  ? `${upload.name}: ${fileRefusal(language, upload.error)}`
                  : t(upload.attachment ? "uploaded" : "uploading", { name: upload.name })}
              </span>
              {!upload.attachment && !upload.error && <progress value={upload.share} max={1} aria-label={upload.name} />}
              {upload.error && canSendAgain(upload.error.code) && (
                <button
                  type="button"
                  class="ds-button"
                  data-variant="tertiary"
                  data-size="sm"
                  data-testid="retry-file"
                  aria-label={t("retry_file", { name: upload.name })}
                  onClick={() => uploads.retry(upload.id)}
                >
                  {t("retry")}
                </button>
              )}
              <button
                type="button"
                class="ds-button"
                data-variant="tertiary"
                data-size="sm"
                data-testid="remove-file"
                aria-label={t("remove_file", { name: upload.name })}
                onClick={() => uploads.remove(upload.id)}
              >
                {t("discard")}
              </button>
            </li>
          ))}
        </ul>
      )}
      {tooMany && <p role="alert">{t("too_many_files", { count: MAX_FILES })}</p>}
      {live !== null && (
        <label class="ao-chat-live" title={t("live_hint")}>
          <input
            type="checkbox"
            class="ds-input"
            checked={live}
            data-testid="live-text"
            onChange={(event) => {
              onLive(event.currentTarget.checked);
              conversation.typing(text, event.currentTarget.checked);
            }}
          />
          <span>{t("live")}</span>
        </label>
      )}
      {children}
      <div class="ao-chat-send">
        {files && !editing && (
          <>
            <input
              ref={picker}
              type="file"
              multiple
              accept={ACCEPTED_FILES}
              hidden
              data-testid="chat-file"
              onChange={(event) => {
                choose([...(event.currentTarget.files ?? [])]);
                event.currentTarget.value = "";
              }}
            />
            <button type="button" class="ds-button" data-variant="secondary" data-size="sm" onClick={() => picker.current!.click()}>
              {t("attach")}
            </button>
          </>
        )}
        <button type="submit" class="ds-button" data-size="sm" data-testid="chat-send" aria-keyshortcuts={enterSends ? undefined : "Control+Enter"} aria-disabled={isEmpty || isUploading}>
          {t(editing ? "save" : kind === "notes" ? "send_note" : "send")}
        </button>
      </div>
      <p class="ds-sr-only" role="status">
        {isUploading ? t("wait_files") : ""}
      </p>
    </form>
  );
}
