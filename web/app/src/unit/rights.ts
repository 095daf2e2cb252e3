import type { Session } from "../api";

/** May somebody edit what their unit has decided? */
export const mayRunUnit = (session: Session): boolean => session.roles.includes("unit_admin") || session.roles.includes("region_admin");
