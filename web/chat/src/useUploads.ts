import { type ChatAttachment, type ChatFiles, FileError } from "@alltid-oppet/client";
import { useEffect, useRef, useState } from "preact/hooks";

export interface Upload {
  id: number;
  file: File;
  name: string;
  /** 0 to 1. */
  share: number;
  attachment: ChatAttachment | null;
  error: FileError | null;
  abort: () => void;
}

export interface Uploads {
  list: readonly Upload[];
  add: (files: readonly File[]) => void;
  remove: (id: number) => void;
  /** Send one again that did not arrive. */
  retry: (id: number) => void;
  clear: () => void;
}

let lastId = 0;

/** Files on their way up, for the message that is being written. */
export function useUploads(files: ChatFiles | null): Uploads {
  const [list, setList] = useState<readonly Upload[]>([]);
  const current = useRef(list);
  current.current = list;
  useEffect(() => () => current.current.forEach((upload) => upload.abort()), []);
  const change = (id: number, values: Partial<Upload>): void =>
    setList((now) => now.map((upload) => (upload.id === id ? { ...upload, ...values } : upload)));

  const start = (file: File): Upload => {
    const id = (lastId += 1);
    const stop = new AbortController();
    files!.upload(file, (share) => change(id, { share }), stop.signal).then(
      (attachment) => change(id, { attachment, share: 1 }),
      (error: unknown) => change(id, { error: error instanceof FileError ? error : new FileError("internal") }),
    );
    return { id, file, name: file.name, share: 0, attachment: null, error: null, abort: () => stop.abort() };
  };
  return {
    list,
    add: (chosen) => {
      if (files) setList((now) => [...now, ...chosen.map(start)]);
    },
    remove: (id) => {
      const removed = current.current.find((upload) => upload.id === id);
      removed?.abort();
      // What this does not reach is swept away at the server after a day.
      if (removed?.attachment) void files?.discard(removed.attachment.attachment_id).catch(() => undefined);
      setList((now) => now.filter((upload) => upload.id !== id));
    },
    retry: (id) => setList((now) => now.map((upload) => (upload.id === id && upload.error ? start(upload.file) : upload))),
    clear: () => setList([]),
  };
}
