import { Icon, type IconName } from "@alltid-oppet/meeting";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { keyFor, useText } from "../i18n/texts";
import { useSession } from "../session";
import type { Contact, ContactApi, Place } from "./api";
import { placeOf, shownPhone } from "./places";

interface Props {
  channel: Place;
  icon: IconName;
  contact: Contact;
  contacts: ContactApi;
  onChange: (contact: Contact) => void;
}

type Step = "shown" | "place" | "code";

/** A telephone number or mailbox: what it is, and the two steps to another (write it, then the code that came there). */
export function PlaceCard({ channel, icon, contact, contacts, onChange }: Props) {
  const t = useText();
  const id = useId();
  const { refused } = useSession();
  const [step, setStep] = useState<Step>("shown");
  const [written, setWritten] = useState("");
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<string | null>(null);
  const [said, setSaid] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const change = useRef<HTMLButtonElement>(null);
  const mounted = useRef(false);
  useEffect(() => {
    if (mounted.current) (step === "shown" ? change.current : input.current)?.focus();
    mounted.current = true;
  }, [step]);
  const has = channel === "sms" ? contact.phone : contact.email;
  const to = (step: Step): void => {
    setFailed(null);
    setStep(step);
  };
  const run = async (act: () => Promise<void>): Promise<void> => {
    if (busy) return;
    setBusy(true);
    setFailed(null);
    setSaid("");
    try {
      await act();
    } catch (error) {
      const refusal = refused(error);
      if (!refusal.needsLogin) setFailed(refusal.code);
      input.current?.focus();
    } finally {
      setBusy(false);
    }
  };
  const send = (): Promise<void> =>
    run(async () => {
      const place = placeOf(channel, written);
      if (place === null) {
        setFailed("place");
        input.current?.focus();
        return;
      }
      await contacts.sendCode(channel, place);
      setCode("");
      to("code");
    });
  const confirm = (): Promise<void> =>
    run(async () => {
      if (!/^\d{6}$/.test(code.trim())) {
        setFailed("invalid_request");
        input.current?.focus();
        return;
      }
      onChange(await contacts.confirm(code.trim()));
      setWritten("");
      setSaid(t("notices_saved"));
      to("shown");
    });
  const forget = (): Promise<void> =>
    run(async () => {
      onChange(await contacts.forget(channel));
      setSaid(t("notices_forgotten"));
      change.current?.focus();
    });
  const fault = failed && t(failed === "place" ? `notices_${channel}_fault` : keyFor(step === "code" ? "notices_code_" : "code_", failed, "code_internal"));
  return (
    <section class="ap-card" aria-labelledby={`${id}h`} data-testid={`place-${channel}`} data-step={step}>
      <div class="ap-notice-head">
        <span class="ap-mark">
          <Icon name={icon} />
        </span>
        <div>
          <h2 id={`${id}h`} class="ds-heading" data-size="2xs">
            {t(`notices_${channel}`)}
          </h2>
          <p data-testid="place-now">{has ? (channel === "sms" ? shownPhone(has) : has) : <span class="ap-hint">{t(`notices_${channel}_none`)}</span>}</p>
        </div>
      </div>
      <p class="ds-sr-only" role="status">
        {said}
      </p>
      {step === "shown" ? (
        <div class="ap-actions">
          <button ref={change} type="button" class="ds-button" data-variant="secondary" data-testid="place-change" onClick={() => to("place")}>
            {t(has ? "notices_change" : "notices_add")}
            <span class="ds-sr-only"> {t(`notices_${channel}`)}</span>
          </button>
          {has && (
            <button type="button" class="ds-button" data-variant="tertiary" data-testid="place-forget" aria-busy={busy} aria-disabled={busy} onClick={() => void forget()}>
              {t("notices_forget")}
              <span class="ds-sr-only"> {t(`notices_${channel}`)}</span>
            </button>
          )}
        </div>
      ) : (
        <form
          class="ap-form"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            void (step === "place" ? send() : confirm());
          }}
        >
          <div class="ds-field">
            <label class="ds-label" for={`${id}i`}>
              {t(step === "code" ? "notices_code" : `notices_${channel}_label`)}
            </label>
            <p id={`${id}d`} class="ap-hint">
              {t(step === "code" ? `notices_${channel}_sent` : `notices_${channel}_hint`, { to: written })}
            </p>
            {step === "place" ? (
              <input
                key="place"
                ref={input}
                id={`${id}i`}
                class="ds-input"
                inputMode={channel === "sms" ? "tel" : "email"}
                autocomplete={channel === "sms" ? "tel" : "email"}
                maxLength={254}
                value={written}
                data-testid="place-input"
                aria-describedby={`${id}d ${id}e`}
                aria-invalid={failed !== null}
                onInput={(event) => setWritten(event.currentTarget.value)}
              />
            ) : (
              <input
                key="code"
                ref={input}
                id={`${id}i`}
                class="ds-input ap-code"
                inputMode="numeric"
                autocomplete="one-time-code"
                maxLength={6}
                value={code}
                data-testid="code-input"
                aria-describedby={`${id}d ${id}e`}
                aria-invalid={failed !== null}
                onInput={(event) => setCode(event.currentTarget.value)}
              />
            )}
            <p id={`${id}e`} class="ds-validation-message" role="alert" data-testid="place-fault" hidden={!fault}>
              {fault}
            </p>
          </div>
          <div class="ap-actions">
            <button type="submit" class="ds-button" data-testid="place-next" aria-busy={busy} aria-disabled={busy}>
              {t(step === "place" ? "notices_send_code" : "notices_confirm")}
            </button>
            {step === "code" && (
              <button type="button" class="ds-button" data-variant="secondary" onClick={() => to("place")}>
                {t("notices_again")}
              </button>
            )}
            <button type="button" class="ds-button" data-variant="tertiary" data-testid="place-cancel" onClick={() => to("shown")}>
              {t("notices_cancel")}
            </button>
          </div>
        </form>
      )}
      {step === "shown" && fault && (
        <p class="ds-validation-message" role="alert">
          {fault}
        </p>
      )}
    </section>
  );
}
