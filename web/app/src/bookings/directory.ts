/** Units and what can be booked there, which several parts of the page ask for. */
import { useEffect, useState } from "preact/hooks";
import type { BookingApi } from "./api";
import type { Booking, TimeType, Unit } from "./types";

export interface Directory {
  units: ReadonlyMap<string, Unit>;
  /** By their ids. */
  timeTypes: ReadonlyMap<string, TimeType>;
}

const NOTHING: Directory = { units: new Map(), timeTypes: new Map() };

/** Where these bookings are and what they are. What cannot be found is left out: the bookings are shown all the same. */
export function useDirectory(bookings: BookingApi, list: readonly Booking[]): Directory {
  const [directory, setDirectory] = useState(NOTHING);
  const wanted = [...new Set(list.map((one) => one.unit_hsa_id))].sort();
  useEffect(() => {
    if (wanted.length === 0) return;
    let left = false;
    void (async () => {
      const units = await bookings.units().catch((): Unit[] => []);
      const found = await Promise.all(wanted.map((unit) => bookings.timeTypes(unit).catch((): TimeType[] => [])));
      if (left) return;
      setDirectory({
        units: new Map(units.map((unit) => [unit.hsa_id, unit])),
        timeTypes: new Map(found.flat().map((one) => [one.time_type_id, one])),
      });
    })();
    return () => {
      left = true;
    };
  }, [bookings, wanted.join()]);
  return directory;
}
