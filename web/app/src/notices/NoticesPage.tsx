import { useEffect, useMemo, useState } from "preact/hooks";
import { ApiError } from "../api";
import { keyFor, useText } from "../i18n/texts";
import { useSession } from "../session";
import { Loading, Notice } from "../shell/Notice";
import { PatientPage } from "../shell/PatientPage";
import { type Contact, type ContactApi, contactApi } from "./api";
import { PlaceCard } from "./PlaceCard";
import { PushCard } from "./PushCard";

/** `/notices`: where and in which language a patient is told that something waits. */
export function NoticesPage() {
  const t = useText();
  return (
    <PatientPage
      name="notices"
      at="contact"
      texts={{ failed: t("notices_failed"), login: { title: t("notices_login"), text: t("notices_lead") } }}
      forStaff={{ text: t("notices_staff"), href: "/portal" }}
    >
      {(session) => <OwnContact key={session.person_key} />}
    </PatientPage>
  );
}

type Found = { status: "loading" } | { status: "here"; contact: Contact } | { status: "failed"; error: ApiError };

function OwnContact() {
  const t = useText();
  const { api, session, refused } = useSession();
  const contacts = useMemo(() => contactApi(api), [api]);
  const [found, setFound] = useState<Found>({ status: "loading" });
  const load = async (): Promise<void> => {
    try {
      setFound({ status: "here", contact: await contacts.read() });
    } catch (error) {
      setFound({ status: "failed", error: refused(error) });
    }
  };
  useEffect(() => void load(), [contacts]);
  if (found.status === "loading") return <Loading />;
  if (found.status === "failed") {
    return (
      <Notice icon="warning" title={t("notices_failed")} text={t(keyFor("code_", found.error.code, "code_internal"))} code={found.error.code}>
        <button type="button" class="ds-button" onClick={() => void load()}>
          {t("retry")}
        </button>
      </Notice>
    );
  }
  const { contact } = found;
  const put = (contact: Contact): void => setFound({ status: "here", contact });
  return (
    <div class="ap-column ap-narrow" data-testid="notices">
      <div>
        <h1 class="ds-heading" data-size="md">
          {t("title_notices")}
        </h1>
        <p class="ap-lead">{t("notices_lead")}</p>
        {session?.acting_for && <p class="ap-hint">{t("notices_own", { name: session.acting_for.name })}</p>}
      </div>
      <PlaceCard channel="sms" icon="phone" contact={contact} contacts={contacts} onChange={put} />
      <PlaceCard channel="email" icon="chat" contact={contact} contacts={contacts} onChange={put} />
      <PushCard contacts={contacts} onChange={() => void load()} />
      <NoticeLanguage contact={contact} contacts={contacts} onChange={put} />
      <p class="ap-hint">{t("notices_none_text")}</p>
    </div>
  );
}

const LANGUAGES = [
  ["sv", "Svenska"],
  ["en", "English"],
] as const;

/** The language of what is sent, which need not be the page's. */
function NoticeLanguage({ contact, contacts, onChange }: { contact: Contact; contacts: ContactApi; onChange: (contact: Contact) => void }) {
  const t = useText();
  const { refused } = useSession();
  const [failed, setFailed] = useState(false);
  const choose = (language: Contact["language"]): void => {
    setFailed(false);
    contacts.speak(language).then(onChange, (error: unknown) => {
      if (!refused(error).needsLogin) setFailed(true);
    });
  };
  return (
    <section class="ap-card">
      <fieldset class="ap-radios" data-testid="notice-language">
        <legend>{t("notices_language")}</legend>
        {LANGUAGES.map(([language, name]) => (
          <label key={language} class="ap-radio" lang={language}>
            <input type="radio" class="ds-input" name="notice-language" value={language} checked={contact.language === language} onChange={() => choose(language)} />
            <span>{name}</span>
          </label>
        ))}
        {failed && (
          <p class="ds-validation-message" role="alert">
            {t("notices_language_failed")}
          </p>
        )}
      </fieldset>
    </section>
  );
}
