import { Dialog, clock, useLanguage } from "@alltid-oppet/meeting";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { GuestLink, LinkRole, MeetingSummary, NewGuestLink } from "../api";
import { type Text, useText } from "../i18n/texts";
import { useSession } from "../session";

const MAX_LABEL = 64;
const ROLES = ["guest", "interpreter"] as const satisfies LinkRole[];

/** Single-use links to one meeting: make one, copy it, see what became of the others, take one back. */
export function LinkDialog({ meeting, onClose }: { meeting: MeetingSummary | null; onClose: () => void }) {
  const t = useText();
  return (
    <Dialog open={meeting !== null} onClose={onClose} title={t("link_title")} name="links">
      {meeting && <Links key={meeting.meeting_id} meeting={meeting} />}
    </Dialog>
  );
}

function Links({ meeting }: { meeting: MeetingSummary }) {
  const t = useText();
  const { api, refused } = useSession();
  const [links, setLinks] = useState<GuestLink[]>([]);
  const [made, setMade] = useState<NewGuestLink | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const id = meeting.meeting_id;
  const fail = (error: unknown): void => setFailure(refused(error).code);
  const load = (): Promise<void> => api.links(id).then(setLinks, fail);
  useEffect(() => void load(), [id]);

  const create = async (role: LinkRole, label: string): Promise<void> => {
    setFailure(null);
    try {
      setMade(await api.createLink(id, role, label));
      await load();
    } catch (error) {
      fail(error);
    }
  };
  const revoke = async (link: GuestLink): Promise<void> => {
    setFailure(null);
    try {
      await api.revokeLink(id, link.link_id);
      if (made?.link_id === link.link_id) setMade(null);
      await load();
    } catch (error) {
      fail(error);
    }
  };
  return (
    <div class="ap-links">
      <p class="ap-links-meeting">{meeting.title}</p>
      {made ? <NewLink link={made} onAnother={() => setMade(null)} /> : <LinkForm onCreate={create} />}
      {failure && (
        <p class="ds-validation-message" role="alert" data-testid="link-failure">
          {t(failure === "conflict" ? "link_too_many" : "link_failed")}
        </p>
      )}
      <LinkList links={links} onRevoke={revoke} />
    </div>
  );
}

function LinkForm({ onCreate }: { onCreate: (role: LinkRole, label: string) => Promise<void> }) {
  const t = useText();
  const id = useId();
  const [role, setRole] = useState<LinkRole>("guest");
  const [label, setLabel] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    void onCreate(role, label.trim()).finally(() => setBusy(false));
  };
  return (
    <form class="ap-form" onSubmit={submit}>
      <p class="ap-hint">{t("link_intro")}</p>
      <fieldset class="ap-radios">
        <legend>{t("link_role")}</legend>
        {ROLES.map((value) => (
          <label key={value} class="ap-radio">
            <input
              type="radio"
              class="ds-input"
              name={`${id}-role`}
              data-testid={`link-role-${value}`}
              checked={role === value}
              onChange={() => setRole(value)}
            />
            <span>
              {t(`link_role_${value}`)}
              <small>{t(`link_role_${value}_hint`)}</small>
            </span>
          </label>
        ))}
      </fieldset>
      <div class="ds-field">
        <label class="ds-label" for={`${id}-label`}>
          {t("link_label")}
        </label>
        <p id={`${id}-hint`} class="ap-hint">
          {t("link_label_hint")}
        </p>
        <input
          id={`${id}-label`}
          class="ds-input"
          data-testid="link-label"
          aria-describedby={`${id}-hint`}
          maxLength={MAX_LABEL}
          autocomplete="off"
          value={label}
          onInput={(event) => setLabel(event.currentTarget.value)}
        />
      </div>
      <button type="submit" class="ds-button" data-testid="link-create" aria-busy={busy} aria-disabled={busy}>
        {t("link_create")}
      </button>
    </form>
  );
}

function NewLink({ link, onAnother }: { link: NewGuestLink; onAnother: () => void }) {
  const t = useText();
  const id = useId();
  const [copied, setCopied] = useState<"no" | "yes" | "failed">("no");
  const input = useRef<HTMLInputElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const copy = (): void => {
    input.current?.select();
    const done = navigator.clipboard?.writeText(link.url) ?? Promise.reject(new Error("no clipboard"));
    done.then(
      () => setCopied("yes"),
      () => setCopied("failed"),
    );
  };
  return (
    <section class="ap-new-link" data-testid="new-link">
      <h3 class="ds-heading" data-size="2xs" ref={heading} tabIndex={-1}>
        {t("link_new_title")}
      </h3>
      <p>{t("link_new_text")}</p>
      <div class="ds-field">
        <label class="ds-label" for={id}>
          {t("link_address")}
        </label>
        <input id={id} ref={input} class="ds-input" readOnly value={link.url} data-testid="link-url" onFocus={(event) => event.currentTarget.select()} />
      </div>
      <div class="ap-actions">
        <button type="button" class="ds-button" data-testid="link-copy" onClick={copy}>
          {t("link_copy")}
        </button>
        <button type="button" class="ds-button" data-variant="secondary" onClick={onAnother}>
          {t("link_another")}
        </button>
      </div>
      <p role="status" class="ap-hint" data-testid="copied" data-copied={copied}>
        {copied === "yes" ? t("link_copied") : copied === "failed" ? t("link_copy_failed") : ""}
      </p>
    </section>
  );
}

function LinkList({ links, onRevoke }: { links: GuestLink[]; onRevoke: (link: GuestLink) => Promise<void> }) {
  const t = useText();
  const { language } = useLanguage();
  return (
    <section class="ap-link-list" data-testid="links">
      <h3 class="ds-heading" data-size="2xs">
        {t("link_list")}
      </h3>
      {links.length === 0 && <p class="ap-hint">{t("link_none")}</p>}
      <ul>
        {links.map((link) => (
          <li key={link.link_id} data-testid="link" data-state={link.state}>
            <span class="ap-person-text">
              {name(t, link)}
              <small>
                {t(`link_${link.role}`)} · {t(`link_state_${link.state}`, { time: clock(language, link.expires_at) })}
              </small>
            </span>
            {(link.state === "unused" || link.state === "used") && (
              <button
                type="button"
                class="ds-button"
                data-variant="tertiary"
                data-color="danger"
                data-testid="link-revoke"
                aria-label={t("link_revoke_named", { label: name(t, link) })}
                onClick={() => void onRevoke(link)}
              >
                {t("link_revoke")}
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

const name = (t: Text, link: GuestLink): string => link.label || t("link_unnamed");
