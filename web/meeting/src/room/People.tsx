import type { ParticipantView, WaitingPerson } from "@alltid-oppet/client";
import { useEffect, useId, useRef } from "preact/hooks";
import { useTranslate } from "../i18n/context";
import { Icon } from "../parts/Icon";
import { QualityMark } from "../parts/QualityMark";
import { LobbyList } from "./Lobby";
import { initials } from "./Tile";

interface Props {
  participants: readonly ParticipantView[];
  waiting: readonly WaitingPerson[];
  onAdmit: (person: WaitingPerson) => Promise<void>;
  onDeny: (person: WaitingPerson) => void;
  /** Hosts alone may take somebody out. */
  onRemove: ((person: ParticipantView) => void) | undefined;
  onClose: () => void;
}

/** Everybody in the meeting, beside the pictures (on small screens in front of them). */
export function People({ participants, waiting, onAdmit, onDeny, onRemove, onClose }: Props) {
  const t = useTranslate();
  const heading = useRef<HTMLHeadingElement>(null);
  const id = useId();
  useEffect(() => heading.current?.focus(), []);
  return (
    <aside
      class="ao-people"
      data-testid="people"
      data-color-scheme="light"
      aria-labelledby={id}
      onKeyDown={(event) => event.key === "Escape" && onClose()}
    >
      <div class="ao-dialog-head">
        <h2 id={id} ref={heading} tabIndex={-1} class="ds-heading" data-size="2xs">
          {t("people")} ({participants.length})
        </h2>
        <button type="button" class="ds-button" data-variant="tertiary" data-icon aria-label={t("close")} onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      <LobbyList people={waiting} onAdmit={onAdmit} onDeny={onDeny} />
      <ul>
        {participants.map((person) => (
          <li key={person.participant_id} data-testid="person" data-participant-id={person.participant_id}>
            <span class="ao-avatar" aria-hidden="true">
              {initials(person.display_name)}
            </span>
            <span class="ao-person-name">
              {person.isSelf ? t("you_named", { name: person.display_name }) : person.display_name}
              <small>{person.state === "lost" ? t("reconnecting_person") : t(`role_${person.role}`)}</small>
            </span>
            {!person.sources.microphone && (
              <span class="ao-person-muted" role="img" aria-label={t("muted")}>
                <Icon name="microphone_off" />
              </span>
            )}
            <QualityMark quality={person.quality} />
            {onRemove && !person.isSelf && (
              <button
                type="button"
                class="ds-button"
                data-variant="tertiary"
                data-icon
                data-testid="remove"
                aria-label={t("remove_name", { name: person.display_name })}
                title={t("remove")}
                onClick={() => onRemove(person)}
              >
                <Icon name="close" />
              </button>
            )}
          </li>
        ))}
      </ul>
    </aside>
  );
}
