/** Archived cases, from the companion by way of the front. */
import { type ChatEvent, type ChatFiles, FileError } from "@alltid-oppet/client";
import type { Api } from "../api";
import type { ArchivedCase, ArchivedEvent, ArchivedPage } from "./types";

const ROOT = "/api/care/cases/archived";
/** The longest conversation (100,000 events) is beyond reading on one page; so much is shown. */
const MAX_PAGES = 50;
const PAGE = 200;

export interface Archived {
  title: string;
  events: ChatEvent[];
  /** Corrections, by the message that they stand with. */
  remarks: Map<number, string>;
  /** What holds for the case as a whole. */
  general: string[];
}

/** One's own `author` in archived events, which carry no ids. */
export const ME = "me";

/** A whole archived conversation (`case-...`, or for staff `notes-...`). */
export async function readArchived(api: Api, conversationId: string): Promise<Archived> {
  const archived: Archived = { title: "", events: [], remarks: new Map(), general: [] };
  let after: number | null = 0;
  for (let pages = 0; after !== null && pages < MAX_PAGES; pages += 1) {
    const page: ArchivedPage = await api.request("GET", `${ROOT}/${encodeURIComponent(conversationId)}?after=${after}&limit=${PAGE}`);
    archived.title = page.case.title;
    archived.events.push(...page.events.map((event) => chatEvent(conversationId, event)));
    if (after === 0) {
      for (const { entry_part: seq, text } of page.corrections) {
        if (seq === null) archived.general.push(text);
        else archived.remarks.set(seq, text);
      }
    }
    after = page.next_after;
  }
  return archived;
}

/** The titles of one's archived cases, by case. */
export async function archivedTitles(api: Api): Promise<Map<string, string>> {
  const titles = new Map<string, string>();
  let offset: number | null = 0;
  for (let pages = 0; offset !== null && pages < MAX_PAGES; pages += 1) {
    const page: { cases: ArchivedCase[]; next_offset: number | null } = await api.request("GET", `${ROOT}?offset=${offset}`, undefined, true);
    for (const one of page.cases) titles.set(one.case_id, one.title);
    offset = page.next_offset;
  }
  return titles;
}

function chatEvent(conversationId: string, event: ArchivedEvent): ChatEvent {
  const { seq, at_ms, kind, author_name, author_role, target, body } = event;
  const author = event.is_own ? ME : `${author_role} ${author_name}`;
  return { conversation_id: conversationId, seq, at_ms, kind, author, author_name, author_role, client_id: String(seq), target, body, withdrawn: event.is_withdrawn };
}

/** The files of an archived conversation: read only. */
export class ArchivedFiles implements ChatFiles {
  readonly #conversationId: string;

  constructor(conversationId: string) {
    this.#conversationId = conversationId;
  }

  upload(): Promise<never> {
    return Promise.reject(new FileError("case_closed"));
  }

  discard(): Promise<never> {
    return Promise.reject(new FileError("case_closed"));
  }

  async download(attachmentId: string): Promise<Blob> {
    const url = `${ROOT}/${encodeURIComponent(this.#conversationId)}/files/${encodeURIComponent(attachmentId)}`;
    try {
      const response = await fetch(url, { credentials: "same-origin", cache: "no-store" });
      if (!response.ok) throw new FileError("not_found");
      return await response.blob();
    } catch (error) {
      throw error instanceof FileError ? error : new FileError("unreachable");
    }
  }
}
