import { Icon, useLanguage } from "@alltid-oppet/meeting";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Session } from "../api";
import { useLoaded, useNow } from "../hooks";
import { useText } from "../i18n/texts";
import { useSession } from "../session";
import { Loading, Notice } from "../shell/Notice";
import { type BookingApi, newKey } from "./api";
import { Confirm } from "./Confirm";
import { bookable, foundUnits, seconds, UNITS_SHOWN } from "./logic";
import { CallUnit, Refusal } from "./parts";
import { SlotPicker } from "./SlotPicker";
import { Taken } from "./Taken";
import { codeText, useBookingText } from "./texts";
import type { Hold, Slot, TimeType, Unit } from "./types";
import { useSlotAct } from "./useSlotAct";
import { useWhen } from "./when";

interface Props {
  session: Session;
  bookings: BookingApi;
  /** What was done, in words. */
  onBooked: (said: string) => void;
  onLeave: () => void;
}

/** A new time: where, what, when; it is held while one looks at it once more. */
export function FindTime({ session, bookings, onBooked, onLeave }: Props) {
  const t = useText();
  const b = useBookingText();
  const { refused } = useSession();
  const now = useNow(20);
  const when = useWhen(now);
  const heading = useRef<HTMLHeadingElement>(null);
  const { loaded, again } = useLoaded("units", () => bookings.units(), refused);
  const [unit, setUnit] = useState<Unit | null>(null);
  const [timeType, setTimeType] = useState<TimeType | null>(null);
  const [hold, setHold] = useState<Hold | null>(null);
  const isChoosing = hold === null;
  useEffect(() => heading.current?.focus({ preventScroll: true }), [isChoosing]);
  const key = useRef("");
  /** Another round of looking: times that were free are asked for anew. */
  const [round, setRound] = useState(0);
  const act = useSlotAct();
  const held = useRef<string | null>(null);
  // Whoever goes away gives the place back at once, not after minutes.
  const letGo = (): void => {
    if (held.current !== null) void bookings.letGo(held.current).catch(() => undefined);
    held.current = null;
  };
  useEffect(() => letGo, []);
  const choose = (slot: Slot): void =>
    void act.run(
      slot.slot_id,
      async () => {
        const made = await bookings.hold(slot.slot_id, newKey());
        held.current = made.hold_id;
        key.current = newKey();
        setHold(made);
      },
      ({ code }) => code === "slot_taken" && setRound(round + 1),
    );
  const book = (made: Hold): void =>
    void act.run(
      made.slot_id,
      async () => {
        const booked = await bookings.book(made.hold_id, key.current);
        held.current = null;
        onBooked(b("booked", { when: when(seconds(booked.starts_at)) }));
      },
      (refusal) => {
        if (refusal.code !== "hold_expired" && refusal.code !== "slot_taken") return;
        held.current = null;
        setHold(null);
        setRound(round + 1);
      },
    );
  const back = (): void => {
    letGo();
    act.clear();
    setHold(null);
    setRound(round + 1);
  };
  if (hold && unit && timeType) {
    return <Confirm {...{ session, hold, unit, timeType, now }} busy={act.busy !== null} failed={act.failed} onBook={() => book(hold)} onBack={back} />;
  }
  const other = session.acting_for?.name;
  return (
    <div class="ap-column ap-narrow" data-testid="find-time">
      <div>
        <button type="button" class="ds-button ap-back" data-variant="tertiary" data-testid="back" onClick={onLeave}>
          <Icon name="previous" />
          {b("back")}
        </button>
        <h1 class="ds-heading" data-size="md" ref={heading} tabIndex={-1}>
          {other ? b("find_title_of", { name: other }) : b("find_title")}
        </h1>
      </div>
      {loaded.status === "loading" && <Loading />}
      {loaded.status === "failed" && (
        <Notice icon="warning" title={b("find_failed")} text={b(codeText(loaded.error.code))} code={loaded.error.code} level={2}>
          <button type="button" class="ds-button" onClick={() => void again()}>
            {t("retry")}
          </button>
        </Notice>
      )}
      {loaded.status === "here" && (
        <UnitChoice
          // Places at maternity clinics are given by wish, not booked.
          units={loaded.value.filter((one) => one.kind !== "maternity")}
          chosen={unit?.hsa_id ?? ""}
          onChoose={(one) => {
            act.clear();
            setUnit(one);
            setTimeType(null);
          }}
        />
      )}
      {unit && (
        <TypeChoice
          key={unit.hsa_id}
          {...{ bookings, unit, now }}
          chosen={timeType?.time_type_id ?? ""}
          onChoose={(one) => {
            act.clear();
            setTimeType(one);
          }}
        />
      )}
      {act.taken && <Taken alternatives={act.taken} now={now} busy={act.busy} onChoose={choose} />}
      {act.failed && <Refusal code={act.failed} phone={unit?.phone} />}
      {unit && timeType && (
        <>
          {timeType.form_id !== null && (
            <section class="ds-alert" data-color="info" data-testid="needs-form">
              <h2 class="ds-heading" data-size="2xs">
                {b("form_title")}
              </h2>
              <p>
                {b("form_text")} {b("form_else")} <CallUnit phone={unit.phone} />
              </p>
            </section>
          )}
          <SlotPicker key={`${timeType.time_type_id} ${round}`} bookings={bookings} unit={unit.hsa_id} timeType={timeType} busy={act.busy} onChoose={choose} />
        </>
      )}
    </div>
  );
}

/** Where: a list of choices, with a search above it where there are many. */
function UnitChoice({ units, chosen, onChoose }: { units: readonly Unit[]; chosen: string; onChoose: (unit: Unit) => void }) {
  const b = useBookingText();
  const id = useId();
  const [query, setQuery] = useState("");
  const { shown, count } = foundUnits(units, query, chosen);
  return (
    <fieldset class="ap-units" data-testid="units">
      <legend>{b("unit")}</legend>
      {units.length > UNITS_SHOWN && (
        <div class="ds-field">
          <label class="ds-label" data-size="sm" for={id}>
            {b("unit_find")}
          </label>
          <input id={id} type="search" class="ds-input" autocomplete="off" value={query} data-testid="find-unit" onInput={(event) => setQuery(event.currentTarget.value)} />
          <p class="ap-hint" role="status">
            {query.trim() !== "" && (count === 0 ? b("unit_none") : b("unit_found", { count }))}
          </p>
        </div>
      )}
      {shown.map((unit) => (
        <label key={unit.hsa_id} class="ap-radio" data-testid="unit" data-unit={unit.hsa_id}>
          <input type="radio" class="ds-input" name={`${id}u`} value={unit.hsa_id} checked={unit.hsa_id === chosen} onChange={() => onChoose(unit)} />
          <span>
            {unit.name}
            {unit.address && <small>{unit.address}</small>}
          </span>
        </label>
      ))}
      {count > shown.length && <p class="ap-hint">{b("unit_more", { shown: shown.length, count })}</p>}
    </fieldset>
  );
}

interface TypeProps {
  bookings: BookingApi;
  unit: Unit;
  now: number;
  chosen: string;
  onChoose: (timeType: TimeType) => void;
}

/** What: the kinds of visits that patients book by themselves there. */
function TypeChoice({ bookings, unit, now, chosen, onChoose }: TypeProps) {
  const t = useText();
  const b = useBookingText();
  const id = useId();
  const { language } = useLanguage();
  const { refused } = useSession();
  const { loaded, again } = useLoaded(unit.hsa_id, () => bookings.timeTypes(unit.hsa_id), refused);
  if (loaded.status === "loading") return <Loading />;
  if (loaded.status === "failed") {
    return (
      <div role="alert">
        <p>{b(codeText(loaded.error.code))}</p>
        <button type="button" class="ds-button" data-variant="secondary" onClick={() => void again()}>
          {t("retry")}
        </button>
      </div>
    );
  }
  const offered = bookable(loaded.value, now);
  if (offered.length === 0) {
    return (
      <p role="status" data-testid="nothing-to-book">
        {b("time_type_none")} <CallUnit phone={unit.phone} />
      </p>
    );
  }
  return (
    <fieldset class="ap-units" data-testid="time-types">
      <legend>{b("time_type")}</legend>
      {offered.map((one) => (
        <label key={one.time_type_id} class="ap-radio" data-testid="time-type" data-time-type={one.time_type_id}>
          <input type="radio" class="ds-input" name={`${id}t`} value={one.time_type_id} checked={one.time_type_id === chosen} onChange={() => onChoose(one)} />
          <span>
            {language === "sv" ? one.name_sv : one.name_en}
            <small>
              {b(`modality_${one.modality}`)}, {b("minutes", { count: one.length_minutes })}
            </small>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
