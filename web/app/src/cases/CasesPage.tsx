import { useEffect, useRef } from "preact/hooks";
import { useSession } from "../session";
import { PatientPage, personKey } from "../shell/PatientPage";
import { PatientCases } from "./PatientCases";
import { usePlace } from "./route";
import { codeText, useCaseText } from "./texts";

/** `/cases`: a patient's cases (ärenden), one of them, or a new one. */
export function CasesPage() {
  const c = useCaseText();
  const { session } = useSession();
  const { place, go, moved } = usePlace("/cases");
  const subject = session?.acting_for?.subject ?? "";
  // Whose cases are shown has changed: what was on the screen belongs to somebody else.
  const shownFor = useRef<string | null>(null);
  const isRead = useRef(false);
  useEffect(() => {
    if (!session) return;
    if (shownFor.current !== null && shownFor.current !== subject && isRead.current) go({ at: "list" }, "replace");
    shownFor.current = subject;
    isRead.current = false;
  }, [session, subject]);
  return (
    <PatientPage
      name="cases"
      at={place.at}
      fill={place.at === "case"}
      texts={{
        failed: c("cases_failed_title"),
        why: (code) => c(codeText(code)),
        login: { title: c("cases_login_title"), text: c("cases_login_text") },
      }}
      forStaff={{ text: c("inbox_login_text"), href: "/portal/cases" }}
      scope={{ needed: "messages", title: () => c("cases_no_scope_title"), text: (name) => c("cases_no_scope_text", { name }) }}
    >
      {(session) => (
        <PatientCases key={personKey(session)} session={session} place={place} go={go} moved={moved} onRead={() => (isRead.current = true)} />
      )}
    </PatientPage>
  );
}
