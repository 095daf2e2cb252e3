import { codeText, useBookingText } from "./texts";

/** Where to call; a number that a phone dials. */
export function CallUnit({ phone }: { phone: string | null | undefined }) {
  const b = useBookingText();
  if (!phone) return <>{b("call_unit")}</>;
  const [before, after] = b("call", { phone: "\n" }).split("\n");
  return (
    <>
      {before}
      <a class="ds-link" href={`tel:${phone.replace(/[^+\d]/g, "")}`}>{phone}</a>
      {after}
    </>
  );
}

/** Refusals that a call to the unit gets around. */
const CALL = new Set([
  "age_gate",
  "declaration_missing",
  "declaration_stop",
  "dose_interval",
  "not_permitted",
  "time_type_not_valid",
  "too_late",
  "too_many_bookings",
]);

/** What was refused, in words, and whom to call where calling helps. */
export function Refusal({ code, phone }: { code: string; phone: string | null | undefined }) {
  const b = useBookingText();
  return (
    <p class="ds-alert" data-color="warning" role="alert" data-testid="refusal" data-code={code}>
      {b(codeText(code))} {CALL.has(code) && <CallUnit phone={phone} />}
    </p>
  );
}
