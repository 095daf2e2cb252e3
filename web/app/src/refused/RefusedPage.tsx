import { keyFor, useText } from "../i18n/texts";
import { useSession } from "../session";
import { Notice } from "../shell/Notice";
import { Shell } from "../shell/Shell";

/** `/refused#reason=used`: a link from a record system was not taken; why, and what to do instead. */
export function RefusedPage() {
  const t = useText();
  const { session } = useSession();
  const reason = new URLSearchParams(location.hash.slice(1)).get("reason") ?? "invalid";
  return (
    <Shell name="refused" state={reason} home="/portal">
      <Notice icon="link" title={t("refused_title")} text={t(keyFor("refused_", reason, "refused_invalid"))} code={reason}>
        <p>{t("refused_help")}</p>
        <a class="ds-button" data-variant="secondary" href="/portal">
          {t(session ? "meeting_to_portal" : "welcome_staff_link")}
        </a>
      </Notice>
    </Shell>
  );
}
