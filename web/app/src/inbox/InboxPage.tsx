import { usePlace } from "../cases/route";
import { codeText, useCaseText } from "../cases/texts";
import { StaffPage } from "../portal/StaffPage";
import { Inbox } from "./Inbox";

/** `/portal/cases`: the cases (ärenden) of a unit, for its staff. */
export function InboxPage() {
  const c = useCaseText();
  const { place, go, moved } = usePlace("/portal/cases");
  return (
    <StaffPage
      name="inbox"
      at={place.at}
      fill
      texts={{
        failed: c("inbox_failed_title"),
        why: (code) => c(codeText(code)),
        login: { title: c("inbox_login_title"), text: c("inbox_login_text") },
      }}
      forPatients={{ label: c("home_cases_link"), href: "/cases" }}
    >
      {(session) => <Inbox key={session.commission!.commission_hsa_id} session={session} place={place} go={go} moved={moved} />}
    </StaffPage>
  );
}
