import { PatientPage, personKey } from "../shell/PatientPage";
import { OwnBookings } from "./OwnBookings";
import { codeText, useBookingText } from "./texts";

/** `/bookings`: a patient's times, or those of the person one is a proxy for: see, book, move, cancel. */
export function BookingsPage() {
  const b = useBookingText();
  return (
    <PatientPage
      name="bookings"
      at="bookings"
      texts={{
        failed: b("failed_title"),
        why: (code) => b(codeText(code)),
        login: { title: b("login_title"), text: b("login_text") },
      }}
      forStaff={{ text: b("staff_text"), href: "/portal" }}
      scope={{ needed: "book", title: (name) => b("no_scope_title", { name }), text: () => b("no_scope_text") }}
    >
      {(session) => <OwnBookings key={personKey(session)} session={session} />}
    </PatientPage>
  );
}
