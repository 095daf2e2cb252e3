import { useMemo } from "preact/hooks";
import type { Session } from "../api";
import { caseApi } from "../cases/api";
import { unreadCount } from "../cases/logic";
import { useCaseText } from "../cases/texts";
import { useCases } from "../cases/useCases";
import { useSession } from "../session";

/** So often it is asked whether an answer has come. */
const LOOK_S = 60;

/** The way from the meetings to the cases, with what is unread there. */
export function CasesCard({ session }: { session: Session }) {
  const c = useCaseText();
  const { api, refused } = useSession();
  const cases = useMemo(() => caseApi(api), [api]);
  const other = session.acting_for;
  const may = !other || other.scopes.includes("messages");
  const list = useCases(other?.subject ?? "self", (unasked) => cases.list(false, unasked), refused, LOOK_S, may);
  if (!may) return null;
  const unread = unreadCount(list.cases);
  return (
    <section class="ap-card ap-home-cases" aria-labelledby="home-cases" data-testid="cases-card" data-unread={unread}>
      <div>
        <h2 id="home-cases" class="ds-heading" data-size="2xs">
          {c("home_cases")}
        </h2>
        <p>{unread === 0 ? c("home_cases_text") : <strong>{unread === 1 ? c("unread_one") : c("unread_many", { count: unread })}</strong>}</p>
      </div>
      <a class="ds-button" data-variant="secondary" href="/cases">
        {c("home_cases_link")}
      </a>
    </section>
  );
}
