import type { ComponentChildren } from "preact";
import type { Session } from "../api";
import { useText } from "../i18n/texts";
import { useSession } from "../session";
import { type GateTexts, NoSession } from "../shell/NoSession";
import { Notice } from "../shell/Notice";
import { Shell } from "../shell/Shell";
import { Commissions } from "./Commissions";

interface Props {
  name: string;
  /** Where in the page one is, once one is in. */
  at?: string;
  /** The page fills the window. */
  fill?: boolean;
  texts?: GateTexts;
  /** Where a login leads; the page itself when left out. */
  back?: string;
  /** Beside the login. */
  besideLogin?: ComponentChildren;
  /** Where patients find what this is to them. */
  forPatients?: { label: string; href: string };
  /** Another commission is to be chosen. */
  choosing?: boolean;
  onChosen?: () => void;
  children: (session: Session) => ComponentChildren;
}

/** A page of Vårdportalen for staff with a commission; everybody else is told where to turn. */
export function StaffPage(props: Props) {
  const { name, at = "in", fill = false, back, besideLogin, choosing = false, onChosen = () => undefined, children } = props;
  const t = useText();
  const { state, session } = useSession();
  const texts = props.texts ?? { failed: t("page_failed"), login: { title: t("portal_login_title"), text: t("portal_login_text") } };
  const forPatients = props.forPatients ?? { label: t("portal_to_home"), href: "/" };
  const staff = session?.kind === "staff" ? session : null;
  const none = staff !== null && !staff.commission && staff.commissions.length === 0;
  const isIn = staff !== null && staff.commission !== null && !choosing;
  const shown = none ? "none" : isIn ? at : staff ? "choose" : session ? "patient" : state.status;
  return (
    <Shell name={name} state={shown} home="/portal" fill={fill && isIn} wide={fill && isIn}>
      <NoSession audience="staff" texts={texts} back={back}>
        {besideLogin}
      </NoSession>
      {shown === "patient" && (
        <Notice icon="lock" title={t("portal_not_staff_title")} text={t("portal_not_staff_text")}>
          <a class="ds-button" href={forPatients.href}>
            {forPatients.label}
          </a>
        </Notice>
      )}
      {shown === "none" && <Notice icon="lock" title={t("commission_no_title")} text={t("commission_no_text")} />}
      {shown === "choose" && staff && <Commissions session={staff} onChosen={onChosen} />}
      {isIn && children(staff)}
    </Shell>
  );
}
