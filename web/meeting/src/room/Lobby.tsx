/** The waiting room as hosts see it: a line above the pictures, and the whole list among the people. */
import type { WaitingPerson } from "@alltid-oppet/client";
import { useEffect, useRef, useState } from "preact/hooks";
import { useTranslate } from "../i18n/context";
import type { Translate } from "../i18n/messages";
import { initials } from "./Tile";

interface Props {
  people: readonly WaitingPerson[];
  onAdmit: (person: WaitingPerson) => Promise<void>;
  onDeny: (person: WaitingPerson) => void;
}

/** Who has waited longest, with the name to confirm and the button that lets in. */
export function LobbyBar({ people, onAdmit, onDeny, onShowAll }: Props & { onShowAll: () => void }) {
  const t = useTranslate();
  const root = useRef<HTMLElement>(null);
  const first = people[0];
  if (!first) return null;
  return (
    <section class="ao-lobby" ref={root} tabIndex={-1} data-color-scheme="light" data-testid="lobby" aria-label={t("lobby_title")}>
      <span class="ao-avatar" aria-hidden="true">
        {initials(first.display_name)}
      </span>
      <p class="ao-lobby-text">
        <strong data-testid="lobby-name">{t("lobby_one", { name: first.display_name })}</strong>
        <small>
          {note(t, first)}
          {people.length > 1 && ` · ${t("lobby_more", { count: people.length - 1 })}`}
        </small>
      </p>
      <div class="ao-lobby-actions">
        {people.length > 1 && (
          <button type="button" class="ds-button" data-variant="tertiary" data-testid="lobby-all" onClick={onShowAll}>
            {t("lobby_show")}
          </button>
        )}
        <Buttons person={first} onAdmit={onAdmit} onDeny={onDeny} onDone={() => root.current?.focus()} />
      </div>
    </section>
  );
}

/** Everybody who waits, the longest waiting first. */
export function LobbyList({ people, onAdmit, onDeny }: Props) {
  const t = useTranslate();
  const root = useRef<HTMLElement>(null);
  if (people.length === 0) return null;
  return (
    <section class="ao-lobby-list" ref={root} tabIndex={-1} aria-label={t("lobby_title")} data-testid="lobby-list">
      <h3 class="ds-heading" data-size="2xs">
        {t("lobby_title")} ({people.length})
      </h3>
      <ul>
        {people.map((person) => (
          <li key={person.participant_id} data-testid="waiting-person" data-participant-id={person.participant_id}>
            <span class="ao-person-name">
              {person.display_name}
              <small>{note(t, person)}</small>
            </span>
            <Buttons person={person} onAdmit={onAdmit} onDeny={onDeny} onDone={() => root.current?.focus()} />
          </li>
        ))}
      </ul>
    </section>
  );
}

interface ButtonsProps {
  person: WaitingPerson;
  onAdmit: (person: WaitingPerson) => Promise<void>;
  onDeny: (person: WaitingPerson) => void;
  /** The buttons are about to go: the focus needs a place. */
  onDone: () => void;
}

function Buttons({ person, onAdmit, onDeny, onDone }: ButtonsProps) {
  const t = useTranslate();
  const [busy, setBusy] = useState(false);
  const name = person.display_name;
  useEffect(() => setBusy(false), [person.participant_id]);
  const admit = (): void => {
    setBusy(true);
    onAdmit(person)
      .then(onDone, () => undefined)
      .finally(() => setBusy(false));
  };
  return (
    <>
      <button
        type="button"
        class="ds-button"
        data-variant="secondary"
        data-testid="deny"
        aria-label={t("lobby_deny_name", { name })}
        onClick={() => onDeny(person)}
      >
        {t("lobby_deny")}
      </button>
      <button
        type="button"
        class="ds-button"
        data-testid="admit"
        aria-label={t("lobby_admit_name", { name })}
        aria-disabled={busy}
        onClick={() => !busy && admit()}
      >
        {t("lobby_admit")}
      </button>
    </>
  );
}

function note(t: Translate, { role, since, state }: WaitingPerson): string {
  const minutes = Math.floor((Date.now() / 1000 - since) / 60);
  const waited = minutes < 1 ? t("lobby_just_now") : t("lobby_minutes", { minutes });
  const parts = [t(`role_${role}`), state === "lost" ? t("lobby_lost") : waited];
  // A guest chose the name: nobody has checked it.
  if (role === "guest" || role === "interpreter") parts.push(t("lobby_unchecked"));
  return parts.join(" · ");
}
