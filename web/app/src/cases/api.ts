/** The routes of cases and units. */
import type { Api } from "../api";
import type { Case, CasePage, Colleague, FoundPatient, NewCase, Unit } from "./types";

/** So many pages of a list are fetched; what lies beyond is found by a search. */
const MAX_PAGES = 5;

export type Act = "assign" | "hand-over" | "return" | "close" | "reopen";

export interface CaseApi {
  /** All open or all closed cases. `unasked`: the page asks by itself, which is no use of the session. */
  list(closed: boolean, unasked?: boolean): Promise<Case[]>;
  /** One case as the list shows it; null: it is not on the list any more. */
  listed(caseId: string): Promise<Case | null>;
  search(query: string): Promise<Case[]>;
  read(caseId: string, unasked?: boolean): Promise<Case>;
  open(values: NewCase): Promise<Case>;
  act(caseId: string, act: Act, body?: Record<string, unknown>): Promise<Case>;
  units(unasked?: boolean): Promise<Unit[]>;
  colleagues(): Promise<Colleague[]>;
  /** Staff: whose identity number this is. Every attempt stands in the audit log. */
  findPatient(number: string): Promise<FoundPatient>;
}

export function caseApi(api: Api): CaseApi {
  const path = (caseId: string): string => `/api/cases/${encodeURIComponent(caseId)}`;
  const page = (query: string, unasked = false): Promise<CasePage> => api.request("GET", `/api/cases?${query}`, undefined, unasked);
  return {
    async list(closed, unasked) {
      const cases: Case[] = [];
      let offset: number | null = 0;
      for (let pages = 0; offset !== null && pages < MAX_PAGES; pages += 1) {
        const found: CasePage = await page(`closed=${closed ? 1 : 0}&offset=${offset}`, unasked);
        cases.push(...found.cases);
        offset = found.next_offset;
      }
      return cases;
    },
    async listed(caseId) {
      return (await page(`case=${encodeURIComponent(caseId)}`, true)).cases[0] ?? null;
    },
    async search(query) {
      return (await page(`q=${encodeURIComponent(query)}`)).cases;
    },
    read: (caseId, unasked) => api.request("GET", path(caseId), undefined, unasked),
    open: (values) => api.request("POST", "/api/cases", values),
    act: (caseId, act, body = {}) => api.request("POST", `${path(caseId)}/${act}`, body),
    units: async (unasked) => (await api.request<{ units: Unit[] }>("GET", "/api/units", undefined, unasked)).units,
    findPatient: (number) => api.request("POST", "/api/care/patients/lookup", { number, purpose: "care" }),
    colleagues: async () => (await api.request<{ colleagues: Colleague[] }>("GET", "/api/colleagues")).colleagues,
  };
}

/** Where the files of a case, or of its internal notes, go. */
export const filesPath = (caseId: string, notes = false): string =>
  `/api/cases/${encodeURIComponent(caseId)}/${notes ? "notes/" : ""}attachments`;
