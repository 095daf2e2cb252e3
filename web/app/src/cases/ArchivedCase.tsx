import { Transcript } from "@alltid-oppet/chat";
import { useLanguage } from "@alltid-oppet/meeting";
import { useEffect, useMemo, useState } from "preact/hooks";
import { ApiError } from "../api";
import { useText } from "../i18n/texts";
import { useSession } from "../session";
import { Loading } from "../shell/Notice";
import { type Archived, ArchivedFiles, ME, readArchived } from "./archive";
import { codeText, useCaseText } from "./texts";

type Found = { status: "loading" } | { status: "here"; archived: Archived } | { status: "failed"; error: ApiError };

/** An archived conversation, asked for once. */
export function useArchived(conversationId: string | null): { found: Found; again: () => void } {
  const { api, refused } = useSession();
  const [turn, setTurn] = useState(0);
  const [found, setFound] = useState<Found>({ status: "loading" });
  useEffect(() => {
    if (conversationId === null) return undefined;
    let left = false;
    setFound({ status: "loading" });
    readArchived(api, conversationId).then(
      (archived) => left || setFound({ status: "here", archived }),
      (error: unknown) => {
        const refusal = refused(error);
        if (!left) setFound({ status: "failed", error: refusal });
      },
    );
    return () => {
      left = true;
    };
  }, [api, conversationId, turn]);
  return { found, again: () => setTurn(turn + 1) };
}

interface Props {
  conversationId: string;
  found: Found;
  again: () => void;
  kind?: "messages" | "notes";
}

/** What was written in a case that is in the record by now. */
export function ArchivedCase({ conversationId, found, again, kind = "messages" }: Props) {
  const t = useText();
  const c = useCaseText();
  const { language } = useLanguage();
  const files = useMemo(() => new ArchivedFiles(conversationId), [conversationId]);
  if (found.status === "loading") return <Loading />;
  if (found.status === "failed") {
    return (
      <div class="ap-closed" role="alert" data-testid="archive-failed" data-code={found.error.code}>
        <p>{found.error.isPassing ? c("archive_failed") : c(codeText(found.error.code))}</p>
        {found.error.isPassing && (
          <button type="button" class="ds-button" data-variant="secondary" onClick={again}>
            {t("retry")}
          </button>
        )}
      </div>
    );
  }
  const { events, remarks, general } = found.archived;
  const said = new Map([...remarks].map(([seq, text]) => [seq, c("archive_corrected", { text })]));
  return (
    <>
      {general.map((text) => (
        <p key={text} class="ap-hint" data-testid="remark">
          {c("archive_corrected", { text })}
        </p>
      ))}
      <Transcript events={events} me={ME} language={language} files={files} kind={kind} remarks={said} />
    </>
  );
}
