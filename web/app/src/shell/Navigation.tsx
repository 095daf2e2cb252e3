import { type TextKey, useText } from "../i18n/texts";
import { useSession } from "../session";

type Entry = [page: string, address: string, text: TextKey];

const OF_PATIENTS: readonly Entry[] = [
  ["home", "/", "nav_meetings"],
  ["bookings", "/bookings", "nav_bookings"],
  ["cases", "/cases", "nav_cases"],
];
const OF_STAFF: readonly Entry[] = [
  ["portal", "/portal", "nav_meetings"],
  ["inbox", "/portal/cases", "nav_cases"],
  ["channel", "/portal/channel", "nav_channel"],
];

/** The pages that whoever is logged in goes between. */
export function Navigation({ page, home }: { page: string; home: "/" | "/portal" }) {
  const t = useText();
  const { session } = useSession();
  const isStaff = session?.kind === "staff";
  if (!session || isStaff !== (home === "/portal") || (isStaff && !session.commission)) return null;
  return (
    <nav class="ap-nav" aria-label={t("nav")} data-testid="nav">
      <ul>
        {(isStaff ? OF_STAFF : OF_PATIENTS).map(([name, address, text]) => (
          <li key={name}>
            <a href={address} aria-current={name === page ? "page" : undefined} data-testid={`nav-${name}`}>
              {t(text)}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
