import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Described {
  id: string;
  "aria-describedby": string;
  "aria-invalid": boolean;
}

interface Props {
  label: string;
  hint: string;
  /** What is wrong with what was written; null: nothing. */
  fault: string | null;
  children: (described: Described) => ComponentChildren;
}

/** A field with its label, a hint, and what is wrong with it. */
export function Field({ label, hint, fault, children }: Props) {
  const id = useId();
  return (
    <div class="ds-field">
      <label class="ds-label" for={id}>
        {label}
      </label>
      <p id={`${id}h`} class="ap-hint">
        {hint}
      </p>
      {children({ id, "aria-describedby": `${id}h ${id}f`, "aria-invalid": fault !== null })}
      <p id={`${id}f`} class="ds-validation-message" hidden={fault === null}>
        {fault}
      </p>
    </div>
  );
}
