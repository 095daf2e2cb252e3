import type { Conversation, MessageView } from "@alltid-oppet/client";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { useLanguage, useTranslate } from "./i18n/texts";
import { dayAndClock } from "./times";

const MIN_CHARACTERS = 2;
const AROUND = 60;

type Found = { status: "none" | "searching" | "short" | "failed" } | { status: "here"; messages: readonly MessageView[]; before: number };

interface Props {
  conversation: Conversation;
  onReveal: (seq: number) => void;
}

/** Finds messages by their words; each hit leads to its place in the conversation. */
export function Search({ conversation, onReveal }: Props) {
  const t = useTranslate();
  const language = useLanguage();
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [query, setQuery] = useState("");
  const [found, setFound] = useState<Found>({ status: "none" });
  const turn = useRef(0);
  useEffect(() => {
    field.current?.focus();
    return () => void (turn.current += 1);
  }, []);
  const search = async (known: readonly MessageView[] = [], before: number | null = null): Promise<void> => {
    const mine = ++turn.current;
    if (query.trim().length < MIN_CHARACTERS) return setFound({ status: "short" });
    if (before === null) setFound({ status: "searching" });
    try {
      const more = await conversation.search(query.trim(), before);
      if (turn.current === mine) setFound({ status: "here", messages: [...known, ...more.messages], before: more.before });
    } catch {
      if (turn.current === mine) setFound({ status: "failed" });
    }
  };
  const count = found.status === "here" ? found.messages.length : 0;
  const said = {
    none: "",
    searching: t("opening"),
    short: t("search_short"),
    failed: t("search_failed"),
    here: count === 0 ? t("search_none") : count === 1 ? t("search_found_one") : t("search_found", { count }),
  }[found.status];
  return (
    <search class="ao-chat-search" data-testid="chat-search">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void search();
        }}
      >
        <label class="ds-label" for={id} data-size="sm">
          {t("search")}
        </label>
        <div class="ao-chat-search-row">
          <input
            id={id}
            ref={field}
            type="search"
            class="ds-input"
            maxLength={100}
            value={query}
            data-testid="search-text"
            onInput={(event) => setQuery(event.currentTarget.value)}
          />
          <button type="submit" class="ds-button" data-variant="secondary" data-size="sm" data-testid="search-go">
            {t("search_button")}
          </button>
        </div>
      </form>
      <p role="status" class="ao-chat-search-said">
        {said}
      </p>
      {found.status === "here" && count > 0 && (
        <ul class="ao-chat-hits">
          {found.messages.map((message) => (
            <li key={message.seq}>
              <button type="button" class="ao-chat-hit" data-testid="search-hit" onClick={() => onReveal(message.seq!)}>
                <span class="ao-chat-meta">
                  <span class="ao-chat-author">{message.own ? t("you") : message.authorName}</span>
                  <time dateTime={new Date(message.atMs).toISOString()}>{dayAndClock(language, message.atMs)}</time>
                </span>
                <span>{around(message.text || message.attachments.map(({ name }) => name).join(", "), query)}</span>
                <span class="ds-sr-only">{t("search_show")}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
      {found.status === "here" && found.before > 0 && (
        <button type="button" class="ds-button" data-variant="tertiary" data-size="sm" onClick={() => void search(found.messages, found.before)}>
          {t("search_more")}
        </button>
      )}
    </search>
  );
}

/** The part of a text around the first word that is looked for. */
export function around(text: string, query: string): string {
  const word = query.trim().split(/\s+/)[0]!.toLocaleLowerCase();
  const at = Math.max(0, text.toLocaleLowerCase().indexOf(word));
  const from = Math.max(0, at - AROUND);
  const part = text.slice(from, at + word.length + AROUND).replace(/\s+/g, " ").trim();
  return `${from > 0 ? "… " : ""}${part}${at + word.length + AROUND < text.length ? " …" : ""}`;
}
