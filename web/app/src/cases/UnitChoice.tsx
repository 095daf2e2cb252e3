import { useId, useState } from "preact/hooks";
import { unitKey } from "./draft";
import { useCaseText } from "./texts";
import type { Unit } from "./types";

/** With more than so many units one searches by name. */
const FEW = 6;
/** So many are shown at once. */
const SHOWN = 8;

interface Props {
  units: readonly Unit[];
  /** `unitKey` of the chosen one, or empty. */
  chosen: string;
  onChoose: (key: string) => void;
  /** The choice is made and stays. */
  isLocked: boolean;
  error: string | null;
}

/** To which unit: a list of choices, with a search above it where there are many. */
export function UnitChoice({ units, chosen, onChoose, isLocked, error }: Props) {
  const c = useCaseText();
  const id = useId();
  const [query, setQuery] = useState("");
  const { shown, count } = offeredUnits(units, query, chosen);
  return (
    <fieldset class="ap-units" data-testid="units" data-invalid={error !== null} disabled={isLocked} aria-describedby={`${id}e`}>
      <legend>{c("new_unit")}</legend>
      {units.length > FEW && (
        <div class="ds-field">
          <label class="ds-label" data-size="sm" for={id}>
            {c("new_unit_find")}
          </label>
          <input
            id={id}
            type="search"
            class="ds-input"
            autocomplete="off"
            value={query}
            data-testid="find-unit"
            onInput={(event) => setQuery(event.currentTarget.value)}
            onKeyDown={(event) => event.key === "Enter" && event.preventDefault()}
          />
          <p class="ap-hint" role="status">
            {query.trim() !== "" && (count === 0 ? c("new_unit_none") : c("new_unit_found", { count }))}
          </p>
        </div>
      )}
      {shown.map((unit) => {
        const key = unitKey(unit);
        return (
          <label key={key} class="ap-radio" data-testid="unit" data-unit={unit.unit_hsa_id}>
            <input type="radio" class="ds-input" name={`${id}u`} value={key} checked={key === chosen} onChange={() => onChoose(key)} />
            <span>
              {unit.name}
              <small>{c(unit.is_open ? "new_unit_open" : "new_unit_closed")}</small>
            </span>
          </label>
        );
      })}
      {count > shown.length && <p class="ap-hint">{c("new_unit_more", { shown: shown.length, count })}</p>}
      <p id={`${id}e`} class="ds-validation-message" hidden={error === null}>
        {error}
      </p>
    </fieldset>
  );
}

/** The units whose names have all the words, as many as are shown; the chosen one is always among them. Pure. */
export function offeredUnits(units: readonly Unit[], query: string, chosen: string): { shown: Unit[]; count: number } {
  const words = query.toLocaleLowerCase("sv").split(/\s+/).filter(Boolean);
  const found = units.filter(({ name }) => words.every((word) => name.toLocaleLowerCase("sv").includes(word)));
  const shown = found.slice(0, SHOWN);
  const mine = units.find((unit) => unitKey(unit) === chosen);
  if (mine && !shown.includes(mine)) shown.unshift(mine);
  return { shown, count: found.length };
}
