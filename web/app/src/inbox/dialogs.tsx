import { Dialog, useLanguage } from "@alltid-oppet/meeting";
import { useEffect, useId, useState } from "preact/hooks";
import type { CaseApi } from "../cases/api";
import { isWaiting } from "../cases/logic";
import { codeText, useCaseText } from "../cases/texts";
import type { Case, Colleague, Unit } from "../cases/types";
import { whenText } from "../cases/when";
import { useNow } from "../hooks";
import { useSession } from "../session";
import type { CaseActs, Receiver } from "./useActs";

function Failure({ acts }: { acts: CaseActs }) {
  const c = useCaseText();
  return acts.failed ? (
    <p class="ds-validation-message" role="alert">
      {c(codeText(acts.failed))}
    </p>
  ) : null;
}

/** Asks once more before a case is closed. */
export function CloseDialog({ open, acts, one }: { open: boolean; acts: CaseActs; one: Case }) {
  const c = useCaseText();
  const { language } = useLanguage();
  const now = useNow(30);
  const leave = (): void => acts.ask(null);
  return (
    <Dialog open={open} name="close" title={c("close_title")} onClose={leave}>
      <p>
        {c("close_text")} {one.reopen_within_s > 0 ? c("close_until", { when: whenText(language, now + one.reopen_within_s, now) }) : c("close_for_good")}
      </p>
      <Failure acts={acts} />
      <div class="ap-actions">
        <button type="button" class="ds-button" data-testid="confirm-close" aria-busy={acts.busy} aria-disabled={acts.busy} onClick={acts.close}>
          {c("close_do")}
        </button>
        <button type="button" class="ds-button" data-variant="secondary" onClick={leave}>
          {c("cancel")}
        </button>
      </div>
    </Dialog>
  );
}

interface GiveProps {
  open: boolean;
  acts: CaseActs;
  one: Case;
  cases: CaseApi;
  units: readonly Unit[];
}

/** To a colleague, back to the queue, or to another unit. */
export function GiveDialog(props: GiveProps) {
  const c = useCaseText();
  return (
    <Dialog open={props.open} name="give" title={c("give_title")} onClose={() => props.acts.ask(null)}>
      <GiveForm {...props} />
    </Dialog>
  );
}

function GiveForm({ acts, one, cases, units }: GiveProps) {
  const c = useCaseText();
  const id = useId();
  const { refused } = useSession();
  const [colleagues, setColleagues] = useState<readonly Colleague[] | null>(null);
  const [to, setTo] = useState("");
  useEffect(() => {
    let left = false;
    cases.colleagues().then(
      (found) => left || setColleagues(found),
      (error: unknown) => {
        refused(error);
        if (!left) setColleagues([]);
      },
    );
    return () => {
      left = true;
    };
  }, []);
  const others = colleagues?.filter(({ hsa_id }) => hsa_id !== one.assignee) ?? [];
  const otherUnits = units.filter((unit) => unit.takes_cases && unit.provider_hsa_id === one.provider_hsa_id && unit.unit_hsa_id !== one.unit_hsa_id);
  const receiver = receiverOf(to);
  return (
    <form
      class="ap-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (receiver) acts.give(receiver);
      }}
    >
      <div class="ds-field">
        <label class="ds-label" for={id}>
          {c("give_to")}
        </label>
        <select id={id} class="ds-input" data-testid="receiver" value={to} required onChange={(event) => setTo(event.currentTarget.value)}>
          <option value="" disabled />
          {!isWaiting(one) && <option value="queue">{c("give_queue")}</option>}
          {others.length > 0 && (
            <optgroup label={c("give_colleagues")}>
              {others.map(({ hsa_id, name }) => (
                <option key={hsa_id} value={`colleague ${hsa_id}`}>
                  {name}
                </option>
              ))}
            </optgroup>
          )}
          {otherUnits.length > 0 && (
            <optgroup label={c("give_units")}>
              {otherUnits.map(({ unit_hsa_id, name }) => (
                <option key={unit_hsa_id} value={`unit ${unit_hsa_id}`}>
                  {name}
                </option>
              ))}
            </optgroup>
          )}
        </select>
        {colleagues !== null && others.length === 0 && <p class="ap-hint">{c("give_none")}</p>}
        {receiver?.kind === "unit" && <p class="ap-hint">{c("give_hint")}</p>}
      </div>
      <Failure acts={acts} />
      <div class="ap-actions">
        <button type="submit" class="ds-button" data-testid="confirm-give" aria-busy={acts.busy} aria-disabled={acts.busy || !receiver}>
          {c("give_do")}
        </button>
        <button type="button" class="ds-button" data-variant="secondary" onClick={() => acts.ask(null)}>
          {c("cancel")}
        </button>
      </div>
    </form>
  );
}

/** What a value of the list stands for; null: nothing chosen. */
export function receiverOf(value: string): Receiver | null {
  const [kind, hsaId] = value.split(" ");
  if (kind === "queue") return { kind };
  return (kind === "colleague" || kind === "unit") && hsaId ? { kind, hsaId } : null;
}
