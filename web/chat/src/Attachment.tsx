import type { ChatAttachment, ChatFiles } from "@alltid-oppet/client";
import { useEffect, useState } from "preact/hooks";
import { useTranslate } from "./i18n/texts";
import { size } from "./sizes";

interface Props {
  attachment: ChatAttachment;
  files: ChatFiles | null;
}

/** A file of a message: pictures are shown, everything can be saved. */
export function Attachment({ attachment, files }: Props) {
  const t = useTranslate();
  const { attachment_id: id, name, is_inline: isPicture, width, height } = attachment;
  const [picture, setPicture] = useState<string | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    if (!isPicture || !files) return undefined;
    let url: string | null = null;
    let gone = false;
    files.download(id).then(
      (blob) => {
        if (gone) return;
        url = URL.createObjectURL(blob);
        setPicture(url);
      },
      () => setFailed(true),
    );
    return () => {
      gone = true;
      if (url) URL.revokeObjectURL(url);
    };
  }, [id, files, isPicture]);
  if (!files) return <span class="ao-chat-file">{name}</span>;

  const save = async (): Promise<void> => {
    setFailed(false);
    try {
      const url = URL.createObjectURL(await files.download(id));
      Object.assign(document.createElement("a"), { href: url, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    } catch {
      setFailed(true);
    }
  };
  return (
    <span class="ao-chat-attachment">
      {picture && <img class="ao-chat-picture" src={picture} alt={name} width={width || undefined} height={height || undefined} />}
      <button type="button" class="ao-chat-file" data-testid="save-file" onClick={() => void save()}>
        {t("save_file", { name })} ({size(attachment.size_bytes)})
      </button>
      {failed && <span role="alert">{t("file_failed")}</span>}
    </span>
  );
}
