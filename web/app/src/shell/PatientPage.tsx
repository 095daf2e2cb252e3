import type { ComponentChildren } from "preact";
import type { Session } from "../api";
import type { ProxyScope } from "../api_types";
import { useText } from "../i18n/texts";
import { useSession } from "../session";
import { type GateTexts, NoSession } from "./NoSession";
import { Notice } from "./Notice";
import { Shell } from "./Shell";

interface Props {
  name: string;
  /** Where in the page one is, once one is in. */
  at: string;
  /** The page fills the window. */
  fill?: boolean;
  texts: GateTexts;
  /** Where staff find what this is to them. */
  forStaff: { text: string; href: "/portal" | "/portal/cases" };
  /** What a proxy must be allowed, and what is said to one who is not; without it one's own page is shown. */
  scope?: { needed: ProxyScope; title: (name: string) => string; text: (name: string) => string };
  /** The page's own words to whom is not logged in. */
  welcome?: (ended: boolean) => ComponentChildren;
  children: (session: Session) => ComponentChildren;
}

/** A page for patients and who acts for them; everybody else is told where to turn. */
export function PatientPage({ name, at, fill = false, texts, forStaff, scope, welcome, children }: Props) {
  const t = useText();
  const { state, session, actFor, refused } = useSession();
  const other = session?.acting_for ?? null;
  const barred = scope && other && !other.scopes.includes(scope.needed) ? other : null;
  const isIn = session?.kind === "patient" && !barred;
  const shown = session ? (session.kind === "staff" ? "staff" : barred ? "barred" : at) : state.status;
  return (
    <Shell name={name} state={shown} fill={fill && isIn}>
      <NoSession audience="patient" texts={texts} />
      {state.status === "out" && welcome?.(state.ended)}
      {shown === "staff" && (
        <Notice icon="building" title={t("home_staff_title")} text={forStaff.text}>
          <a class="ds-button" href={forStaff.href}>
            {t("welcome_staff_link")}
          </a>
        </Notice>
      )}
      {scope && barred && (
        <Notice icon="lock" title={scope.title(barred.name)} text={scope.text(barred.name)}>
          <button type="button" class="ds-button" onClick={() => void actFor(null).catch(refused)}>
            {t("proxy_end")}
          </button>
        </Notice>
      )}
      {isIn && children(session)}
    </Shell>
  );
}

/** Another person, or somebody else they act for: everything begins anew. */
export const personKey = (session: Session): string => `${session.person_key} ${session.acting_for?.subject ?? ""}`;
