import { useText } from "../i18n/texts";
import { PatientPage } from "../shell/PatientPage";
import { MyMeetings } from "./MyMeetings";
import { Welcome } from "./Welcome";

/** `/`: the way in for patients, and their meetings. */
export function HomePage() {
  const t = useText();
  return (
    <PatientPage
      name="home"
      at="meetings"
      texts={{ failed: t("meetings_failed_title") }}
      welcome={(ended) => <Welcome ended={ended} />}
      forStaff={{ text: t("home_staff_text"), href: "/portal" }}
    >
      {(session) => <MyMeetings session={session} />}
    </PatientPage>
  );
}
