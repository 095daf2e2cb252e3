import { useEffect, useMemo, useState } from "preact/hooks";
import type { Session } from "../api";
import { useSession } from "../session";
import { caseApi } from "./api";
import { CaseRoom } from "./CaseRoom";
import { MyCases } from "./MyCases";
import { NewCase } from "./NewCase";
import { withoutUnread } from "./logic";
import type { Go, Place } from "./route";
import type { Case, Unit } from "./types";
import { useCases } from "./useCases";
import { useChat } from "./useChat";

/** So often the list is loaded again while somebody looks at it. */
const LIST_S = 20;

interface Props {
  session: Session;
  place: Place;
  go: Go;
  moved: boolean;
  /** A case is on the screen. */
  onRead: () => void;
}

/** What the parts of a patient's page share: the socket, the lists, the units. */
export function PatientCases({ session, place, go, moved, onRead }: Props) {
  const { api, refused } = useSession();
  const cases = useMemo(() => caseApi(api), [api]);
  const chat = useChat(session);
  const [wantsClosed, setWantsClosed] = useState(false);
  const open = useCases("open", (unasked) => cases.list(false, unasked), refused, LIST_S, place.at === "list");
  const closed = useCases("closed", (unasked) => cases.list(true, unasked), refused, 15 * LIST_S, wantsClosed && place.at === "list");
  const units = useUnits((unasked) => cases.units(unasked));
  const changed = (one: Case): void => {
    onRead();
    const isOpen = one.state !== "closed";
    open.put(one.case_id, isOpen ? one : null);
    closed.put(one.case_id, isOpen ? null : one);
  };
  if (place.at === "new") return <NewCase {...{ session, chat, cases, units, go }} />;
  if (place.at === "case") {
    return (
      <CaseRoom
        key={place.caseId}
        {...{ session, chat, cases, units, go }}
        caseId={place.caseId}
        onChange={changed}
        onSeen={() => open.change((list) => withoutUnread(list, place.caseId))}
      />
    );
  }
  return <MyCases {...{ session, units, open, closed, wantsClosed, go, moved }} onWantsClosed={() => setWantsClosed(true)} />;
}

/** So often a unit's board is asked for again: it says whether the unit is open, and by when it answers. */
const UNITS_S = 300;

/** All units; null until they are there. Without them cases are shown all the same. */
export function useUnits(load: (unasked: boolean) => Promise<Unit[]>): readonly Unit[] | null {
  const [units, setUnits] = useState<readonly Unit[] | null>(null);
  useEffect(() => {
    let left = false;
    const look = (unasked: boolean): void =>
      void load(unasked).then(
        (found) => left || setUnits(found),
        () => left || setUnits((known) => known ?? []),
      );
    look(false);
    const timer = setInterval(() => document.visibilityState === "visible" && look(true), UNITS_S * 1000);
    return () => {
      left = true;
      clearInterval(timer);
    };
  }, []);
  return units;
}
