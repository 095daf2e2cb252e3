import { ACCEPTED_FILES, Board, fileRefusal } from "@alltid-oppet/chat";
import { type ChatAttachment, type ChatClient, FileError, HttpFiles } from "@alltid-oppet/client";
import { Icon, useLanguage } from "@alltid-oppet/meeting";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Session } from "../api";
import { useSession } from "../session";
import { Loading } from "../shell/Notice";
import { type CaseApi, filesPath } from "./api";
import { type CaseDraft, type Fault, emptyDraft, faults, keepDraft, loadDraft, unitKey } from "./draft";
import { CaseLink } from "./MyCases";
import type { Go } from "./route";
import { codeText, useCaseText } from "./texts";
import type { Unit } from "./types";
import { UnitChoice } from "./UnitChoice";

const MAX_FILES = 10;
const MAX_SUBJECT = 120;
const MAX_TEXT = 8_000;

interface Props {
  session: Session;
  chat: ChatClient | null;
  cases: CaseApi;
  units: readonly Unit[] | null;
  go: Go;
}

interface Attached {
  file: File;
  share: number;
  sent: ChatAttachment | null;
  error: FileError | null;
}

/** A new case: to which unit, what about, in which words, with which files. */
export function NewCase({ session, chat, cases, units, go }: Props) {
  const c = useCaseText();
  const { language } = useLanguage();
  const { api, refused } = useSession();
  const id = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  const form = useRef<HTMLFormElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const whose = `${session.person_key} ${session.acting_for?.subject ?? ""}`;
  const [draft, setDraft] = useState<CaseDraft>(() => loadDraft(sessionStorage, whose));
  const [files, setFiles] = useState<readonly Attached[]>([]);
  const [tooMany, setTooMany] = useState(false);
  const [missing, setMissing] = useState<readonly Fault[]>([]);
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<string | null>(null);
  /** The case is there already; a file was refused. */
  const [opened, setOpened] = useState<string | null>(null);
  const left = useRef(false);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
    return () => {
      left.current = true;
    };
  }, []);
  const offered = units?.filter((unit) => unit.takes_cases) ?? [];
  const unit = offered.find((one) => unitKey(one) === draft.unit) ?? null;
  const write = (change: Partial<CaseDraft>): void => {
    const next = { ...draft, ...change };
    setDraft(next);
    keepDraft(sessionStorage, whose, next);
    const still = missing.filter((fault) => !(fault in change));
    if (still.length !== missing.length) setMissing(still);
  };
  const attach = (chosen: readonly File[]): void => {
    const free = MAX_FILES - files.length;
    setTooMany(chosen.length > free);
    setFiles([...files, ...chosen.slice(0, free).map((file) => ({ file, share: 0, sent: null, error: null }))]);
    setMissing(missing.filter((fault) => fault !== "text"));
  };
  const changeFile = (file: File, change: Partial<Attached>): void =>
    setFiles((now) => now.map((one) => (one.file === file ? { ...one, ...change } : one)));

  const send = async (): Promise<void> => {
    const found = faults(draft, files.length, offered.map(unitKey));
    setMissing(found);
    setFailed(null);
    if (found.length > 0) {
      requestAnimationFrame(() => form.current?.querySelector<HTMLElement>("[aria-invalid=true], fieldset[data-invalid=true] input")?.focus());
      return;
    }
    if (!unit || !chat) return;
    setBusy(true);
    try {
      const { case_id: caseId } = await cases.open({
        provider_hsa_id: unit.provider_hsa_id,
        unit_hsa_id: unit.unit_hsa_id,
        subject: draft.subject.trim(),
        client_id: draft.clientId,
      });
      setOpened(caseId);
      const attachments = await upload(caseId);
      if (left.current || attachments === null) return;
      chat.open(caseId).send(draft.text, attachments);
      keepDraft(sessionStorage, whose, null);
      go({ at: "case", caseId }, "replace");
    } catch (error) {
      const refusal = refused(error);
      if (!refusal.needsLogin) setFailed(refusal.code);
    } finally {
      if (!left.current) setBusy(false);
    }
  };
  /** All files, one after the other; null when one was refused. */
  const upload = async (caseId: string): Promise<ChatAttachment[] | null> => {
    const to = new HttpFiles(filesPath(caseId), () => api.headers());
    const done: ChatAttachment[] = [];
    let isRefused = false;
    for (const { file, sent } of files) {
      try {
        const attachment = sent ?? (await to.upload(file, (share) => changeFile(file, { share, error: null }), new AbortController().signal));
        changeFile(file, { sent: attachment, share: 1, error: null });
        done.push(attachment);
      } catch (error) {
        isRefused = true;
        changeFile(file, { error: error instanceof FileError ? error : new FileError("internal") });
      }
    }
    if (isRefused) setFailed("files");
    return isRefused ? null : done;
  };
  if (units === null) return <Loading />;
  const invalid = (fault: Fault): boolean => missing.includes(fault);
  const forOther = session.acting_for?.name;
  return (
    <div class="ap-column ap-narrow ap-new-case" data-testid="new-case-page">
      <div>
        <CaseLink place={{ at: "list" }} go={go} class="ds-link ap-back" name="back">
          <Icon name="previous" />
          {c("back")}
        </CaseLink>
        <h1 class="ds-heading" data-size="md" ref={heading} tabIndex={-1}>
          {c("new_title")}
        </h1>
        <p class="ap-lead">
          {forOther && <strong>{c("new_for", { name: forOther })} </strong>}
          {c("new_lead")}
        </p>
      </div>
      {offered.length === 0 ? (
        <p class="ap-card">{c("new_units_none")}</p>
      ) : (
        <form
          ref={form}
          class="ap-card ap-form"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            if (!busy) void send();
          }}
        >
          <UnitChoice
            units={offered}
            chosen={draft.unit}
            onChoose={(key) => write({ unit: key })}
            isLocked={opened !== null}
            error={invalid("unit") ? c("new_unit_missing") : null}
          />
          <div class="ds-field">
            <label class="ds-label" for={`${id}s`}>
              {c("new_subject")}
            </label>
            <p id={`${id}sh`} class="ap-hint">
              {c("new_subject_hint")}
            </p>
            <input
              id={`${id}s`}
              class="ds-input"
              maxLength={MAX_SUBJECT}
              value={draft.subject}
              readOnly={opened !== null}
              data-testid="subject"
              autocomplete="off"
              aria-describedby={`${id}sh ${id}se`}
              aria-invalid={invalid("subject")}
              onInput={(event) => write({ subject: event.currentTarget.value })}
            />
            <p id={`${id}se`} class="ds-validation-message" hidden={!invalid("subject")}>
              {c("new_subject_missing")}
            </p>
          </div>
          <div class="ds-field">
            <label class="ds-label" for={`${id}t`}>
              {c("new_text")}
            </label>
            <p id={`${id}th`} class="ap-hint">
              {c("new_text_hint")}
            </p>
            <textarea
              id={`${id}t`}
              class="ds-input ap-new-text"
              rows={6}
              maxLength={MAX_TEXT}
              value={draft.text}
              data-testid="text"
              aria-describedby={`${id}th ${id}te`}
              aria-invalid={invalid("text")}
              onInput={(event) => write({ text: event.currentTarget.value })}
            />
            <p id={`${id}te`} class="ds-validation-message" hidden={!invalid("text")}>
              {c("new_text_missing")}
            </p>
          </div>
          <div class="ds-field">
            <p class="ds-label" id={`${id}f`}>
              {c("new_files")}
            </p>
            <p class="ap-hint">{c("new_files_hint", { count: MAX_FILES })}</p>
            {files.length > 0 && (
              <ul class="ap-files" aria-labelledby={`${id}f`}>
                {files.map(({ file, share, sent, error }) => (
                  <li key={`${file.name} ${file.lastModified} ${file.size}`} data-testid="attached" data-error={error?.code}>
                    <Icon name="file" />
                    <span class="ap-file-name">
                      {sent ? c("new_file_done", { name: file.name }) : busy && !error ? c("new_file_up", { name: file.name }) : file.name}
                      {error && <span class="ds-validation-message">{fileRefusal(language, error)}</span>}
                    </span>
                    {busy && !sent && !error && <progress value={share} max={1} aria-label={file.name} />}
                    <button
                      type="button"
                      class="ds-button"
                      data-variant="tertiary"
                      data-icon
                      aria-label={c("new_file_remove", { name: file.name })}
                      aria-disabled={busy}
                      onClick={() => !busy && setFiles(files.filter((one) => one.file !== file))}
                    >
                      <Icon name="close" />
                    </button>
                  </li>
                ))}
              </ul>
            )}
            {tooMany && <p role="alert">{c("new_too_many", { count: MAX_FILES })}</p>}
            <input
              ref={picker}
              type="file"
              multiple
              accept={ACCEPTED_FILES}
              hidden
              data-testid="file"
              onChange={(event) => {
                attach([...(event.currentTarget.files ?? [])]);
                event.currentTarget.value = "";
              }}
            />
            <button type="button" class="ds-button" data-variant="secondary" onClick={() => picker.current!.click()}>
              <Icon name="file" />
              {c("new_attach")}
            </button>
          </div>
          <div class="ap-new-board" aria-live="polite">
            {unit ? <Board unit={unit} /> : <p class="ao-chat-board">{c("new_emergency")}</p>}
          </div>
          <div role="alert">
            {missing.length > 0 && <p class="ds-validation-message">{c("new_faults")}</p>}
            {failed && <p class="ds-validation-message">{failed === "files" ? c("new_files_failed") : c(codeText(failed))}</p>}
          </div>
          <div class="ap-new-actions">
            <button type="submit" class="ds-button ap-big" data-testid="send-case" aria-busy={busy} aria-disabled={busy}>
              {c(busy ? "new_sending" : "new_send")}
            </button>
            <button
              type="button"
              class="ds-button"
              data-variant="tertiary"
              onClick={() => {
                keepDraft(sessionStorage, whose, null);
                setDraft(emptyDraft());
                go({ at: "list" });
              }}
            >
              {c("new_cancel")}
            </button>
          </div>
        </form>
      )}
    </div>
  );
}
