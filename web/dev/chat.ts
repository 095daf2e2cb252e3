import { ChatClient, ChatError, type ChatChanged, type ChatEvent, type ChatFiles, type ChatOptions, HttpFiles } from "@alltid-oppet/client";

/** A case has receipts, a meeting none. */
const ID = new URLSearchParams(location.search).get("screen-name") === "case" ? "case-demo" : "meeting-demo";
/** What this server does not do. */
const REFUSED = new URLSearchParams(location.search).get("refuse");
const NOW = Date.now();
const LATER = 9 * 60_000;

function event(seq: number, text: string, more: Partial<ChatEvent> = {}): ChatEvent {
  return {
    conversation_id: ID,
    seq,
    at_ms: NOW - LATER + seq * 60_000,
    kind: "message",
    author: "karin",
    author_name: "Karin Lindqvist",
    author_role: "staff",
    client_id: `d${seq}`,
    target: 0,
    body: { text },
    withdrawn: false,
    ...more,
  };
}

const OWN = { author: "self", author_name: "Anna Andersson", author_role: "patient" } as const;
const FILE = { attachment_id: "a1", name: "provsvar.pdf", media_type: "application/pdf", size_bytes: 184_320, is_inline: false, width: 0, height: 0 };
const EVENTS = [
  event(1, "Hej! Jag har dina provsvar framför mig. Vi går igenom dem tillsammans."),
  event(2, "Tack. Jag ser dem inte, kan du skicka?", OWN),
  event(3, "Här är de.\nSäg till om det är något du undrar över.", { body: { text: "Här är de.\nSäg till om det är något du undrar över.", attachments: [FILE] } }),
  event(4, "Fel fil", { withdrawn: true, body: {} }),
  event(5, "Nu kom den fram!", OWN),
];

const RECEIPTS = [
  { reader: "karin", delivered: 5, read: 2 },
  { reader: "self", delivered: 5, read: 5 },
];

/** What stands before the send button of a case. */
export const BOARD = {
  is_open: false,
  opens_at: Math.floor(NOW / 1000) + 15 * 3600,
  answer_by: Math.floor(NOW / 1000) + 39 * 3600,
  emergency_sv: "Ring 112 om det är fara för liv. Ring 1177 för råd om vård, dygnet runt.",
  emergency_en: "Call 112 when a life is in danger. Call 1177 for advice on care, day and night.",
};

const isOff = new URLSearchParams(location.search).has("off");
let rules: Pick<ChatChanged, "state" | "hosts_only"> = { state: isOff ? "closed" : "open", hosts_only: isOff };
let tellRules = (): void => undefined;

/** Who may write has changed for whoever looks. */
export function changeRules(changed: typeof rules): void {
  rules = changed;
  tellRules();
}

/** A conversation in which nobody answers. */
const openSocket: ChatOptions["openSocket"] = (_url, handlers) => {
  let last = EVENTS.length;
  tellRules = () => handlers.event({ name: "chat_changed", payload: { conversation_id: ID, title: "", ...rules } });
  queueMicrotask(() => handlers.opened());
  return {
    request: (name, payload) => {
      if (name === REFUSED) return Promise.reject(new ChatError("chat_unavailable"));
      if (name === "chat_hello") return Promise.resolve({ meeting: ID, channel: null, typing_ms: 6_000, edit_window_ms: 900_000 } as never);
      if (name === "chat_resume") {
        queueMicrotask(() => {
          const karin = { conversation_id: ID, author: "karin", author_name: "Karin Lindqvist" };
          handlers.event({ name: "chat_text", payload: { ...karin, draft_id: "x", number: 1, text: "Bra. Vi börjar med blodvärdet, som är ", edits: [] } });
        });
        const about = { conversation_id: ID, error: null, title: "", ...rules, me: "self" };
        return Promise.resolve({
          conversations: [{ ...about, events: EVENTS, last_seq: last, trimmed_through: 0, live: true, receipts: RECEIPTS }],
        } as never);
      }
      if (name === "chat_rule") {
        // As a host is told; what others are told the tests say.
        rules = { state: "open", hosts_only: (payload as { hosts_only: boolean }).hosts_only };
        tellRules();
        return Promise.resolve({} as never);
      }
      if (name === "chat_send") {
        const { client_id, text } = payload as { client_id: string; text: string };
        last += 1;
        const sent = event(last, text, { ...OWN, client_id, at_ms: Date.now() });
        queueMicrotask(() => handlers.event({ name: "chat_event", payload: sent }));
        return Promise.resolve({ seq: last, at_ms: sent.at_ms, repeated: false } as never);
      }
      return Promise.resolve({} as never);
    },
    close: () => undefined,
  };
};

export function demoChat(): { conversation: ReturnType<ChatClient["open"]>; files: ChatFiles } {
  const client = new ChatClient({ url: "", owner: "demo", openSocket });
  const conversation = client.open(ID);
  client.start();
  return { conversation, files: new HttpFiles("/api/meeting-files", () => ({})) };
}
