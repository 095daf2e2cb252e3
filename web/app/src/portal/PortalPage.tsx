import { useEffect, useState } from "preact/hooks";
import { useText } from "../i18n/texts";
import { StaffPage } from "./StaffPage";
import { UnitMeetings } from "./UnitMeetings";

/** `/portal`: Vårdportalen, for staff. */
export function PortalPage() {
  const t = useText();
  const [choosing, setChoosing] = useState(location.hash === "#commissions");
  useEffect(() => {
    const changed = (): void => setChoosing(location.hash === "#commissions");
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  const chosen = (): void => {
    history.replaceState(null, "", "/portal");
    setChoosing(false);
  };
  return (
    <StaffPage
      name="portal"
      at="meetings"
      texts={{ failed: t("meetings_failed_title"), login: { title: t("portal_login_title"), text: t("portal_login_text") } }}
      back="/portal"
      besideLogin={
        <a class="ds-link" href="/">
          {t("portal_login_patient")}
        </a>
      }
      choosing={choosing}
      onChosen={chosen}
    >
      {(session) => <UnitMeetings session={session} />}
    </StaffPage>
  );
}
