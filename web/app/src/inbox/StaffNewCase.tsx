import { type ChatClient, newId } from "@alltid-oppet/client";
import { Icon } from "@alltid-oppet/meeting";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Session } from "../api";
import type { CaseApi } from "../cases/api";
import type { Go } from "../cases/route";
import { codeText, useCaseText } from "../cases/texts";
import type { FoundPatient } from "../cases/types";
import { useText } from "../i18n/texts";
import { useSession } from "../session";
import { Field } from "../shell/Field";

const MAX_SUBJECT = 120;
const MAX_TEXT = 8_000;

interface Props {
  session: Session;
  chat: ChatClient | null;
  cases: CaseApi;
  go: Go;
  /** It is there, and this clinician's. */
  onOpened: () => void;
}

/** The unit writes first: the patient is found by identity number, then told what it is about. */
export function StaffNewCase({ session, chat, cases, go, onOpened }: Props) {
  const t = useText();
  const c = useCaseText();
  const { refused } = useSession();
  const heading = useRef<HTMLHeadingElement>(null);
  const form = useRef<HTMLFormElement>(null);
  const clientId = useRef(newId());
  const [number, setNumber] = useState("");
  const [patient, setPatient] = useState<FoundPatient | null>(null);
  const [subject, setSubject] = useState("");
  const [text, setText] = useState("");
  const [faults, setFaults] = useState<readonly string[]>([]);
  const [failed, setFailed] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  const point = (wrong: readonly string[]): void => {
    setFaults(wrong);
    requestAnimationFrame(() => form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
  };
  const run = async (act: () => Promise<void>): Promise<void> => {
    if (busy) return;
    setBusy(true);
    setFailed(null);
    try {
      await act();
    } catch (error) {
      const refusal = refused(error);
      if (!refusal.needsLogin) setFailed(refusal.code);
    } finally {
      setBusy(false);
    }
  };
  const find = (): Promise<void> =>
    run(async () => {
      if (number.replace(/\D/g, "").length < 10) return point(["number"]);
      setFaults([]);
      setPatient(await cases.findPatient(number.trim()));
      requestAnimationFrame(() => form.current?.querySelector<HTMLElement>("[data-testid=subject]")?.focus());
    });
  const send = (found: FoundPatient): Promise<void> =>
    run(async () => {
      const wrong = [...(subject.trim() === "" ? ["subject"] : []), ...(text.trim() === "" ? ["text"] : [])];
      if (wrong.length > 0) return point(wrong);
      const { provider_hsa_id = "", unit_hsa_id = "" } = session.commission!;
      const { case_id: caseId } = await cases.open({ provider_hsa_id, unit_hsa_id, subject: subject.trim(), client_id: clientId.current, patient: found.person_id });
      chat?.open(caseId).send(text.trim());
      onOpened();
      go({ at: "case", caseId }, "replace");
    });
  return (
    <section class="ap-desk" aria-labelledby="new-title" data-testid="staff-new-case">
      <form
        ref={form}
        class="ap-form ap-desk-form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void (patient ? send(patient) : find());
        }}
      >
        <div>
          <button type="button" class="ds-button ap-back" data-variant="tertiary" data-testid="back" onClick={() => go({ at: "list" })}>
            <Icon name="previous" />
            {c("back_to_list")}
          </button>
          <h2 id="new-title" class="ds-heading" data-size="xs" ref={heading} tabIndex={-1}>
            {c("staff_new")}
          </h2>
          <p class="ap-hint">{c("staff_new_text")}</p>
        </div>
        {patient === null ? (
          <Field label={c("staff_new_number")} hint={c("staff_new_number_hint")} fault={faults.includes("number") ? c("staff_new_number_fault") : null}>
            {(described) => (
              <input {...described} class="ds-input" inputMode="numeric" maxLength={32} autocomplete="off" value={number} data-testid="patient-number" onInput={(event) => setNumber(event.currentTarget.value)} />
            )}
          </Field>
        ) : (
          <div class="ap-card" data-testid="patient-found">
            <p>
              <strong>{patient.is_protected ? c("staff_new_protected") : patient.name}</strong>
              {patient.birth_date && <span class="ap-hint"> {patient.birth_date}</span>}
            </p>
            {!patient.has_care_relation && <p class="ap-hint">{c("staff_new_stranger")}</p>}
            <button
              type="button"
              class="ds-button"
              data-variant="tertiary"
              onClick={() => {
                setPatient(null);
                clientId.current = newId();
              }}
            >
              {c("staff_new_other")}
            </button>
          </div>
        )}
        {patient && (
          <>
            <Field label={c("new_subject")} hint={c("staff_new_subject_hint")} fault={faults.includes("subject") ? c("new_subject_missing") : null}>
              {(described) => (
                <input {...described} class="ds-input" maxLength={MAX_SUBJECT} autocomplete="off" value={subject} data-testid="subject" onInput={(event) => setSubject(event.currentTarget.value)} />
              )}
            </Field>
            <Field label={c("new_text")} hint={c("messages_text")} fault={faults.includes("text") ? c("new_text_missing") : null}>
              {(described) => (
                <textarea {...described} class="ds-input" rows={6} maxLength={MAX_TEXT} value={text} data-testid="text" onInput={(event) => setText(event.currentTarget.value)} />
              )}
            </Field>
          </>
        )}
        <div role="alert">
          {failed && (
            <p class="ds-validation-message" data-testid="new-failed" data-code={failed}>
              {c(codeText(failed))}
            </p>
          )}
        </div>
        <button type="submit" class="ds-button" data-testid={patient ? "send-case" : "find-patient"} aria-busy={busy} aria-disabled={busy}>
          {patient ? c("new_send") : c("staff_new_find")}
        </button>
        <span class="ds-sr-only" role="status">
          {busy && t("loading")}
        </span>
      </form>
    </section>
  );
}
