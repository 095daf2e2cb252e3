import { Icon } from "@alltid-oppet/meeting";
import { useId, useState } from "preact/hooks";
import { codeText, useCaseText } from "../cases/texts";
import { useSession } from "../session";

const MIN_CHARACTERS = 2;

interface Props {
  onSearch: (query: string) => Promise<void>;
  onClear: () => void;
  isFound: boolean;
}

/** Finds cases of the unit, open and closed, by patient's name and subject. */
export function InboxSearch({ onSearch, onClear, isFound }: Props) {
  const c = useCaseText();
  const { refused } = useSession();
  const id = useId();
  const [query, setQuery] = useState("");
  const [fault, setFault] = useState("");
  const [busy, setBusy] = useState(false);
  const search = (): void => {
    if (busy) return;
    if (query.trim().length < MIN_CHARACTERS) return setFault(c("inbox_short"));
    setFault("");
    setBusy(true);
    onSearch(query.trim())
      .catch((error: unknown) => setFault(c(codeText(refused(error).code))))
      .finally(() => setBusy(false));
  };
  const clear = (): void => {
    setQuery("");
    setFault("");
    onClear();
  };
  return (
    <search>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          search();
        }}
      >
        <label class="ds-sr-only" for={id}>
          {c("inbox_search")}
        </label>
        <div class="ap-search">
          <input
            id={id}
            type="search"
            class="ds-input"
            maxLength={100}
            placeholder={c("inbox_search")}
            value={query}
            data-testid="inbox-search"
            autocomplete="off"
            aria-describedby={`${id}f`}
            onInput={(event) => {
              setQuery(event.currentTarget.value);
              if (event.currentTarget.value === "") clear();
            }}
          />
          <button type="submit" class="ds-button" data-variant="secondary" data-icon data-testid="inbox-search-go" aria-label={c("inbox_search_go")} aria-busy={busy}>
            <Icon name="search" />
          </button>
          {isFound && (
            <button type="button" class="ds-button" data-variant="tertiary" data-icon data-testid="inbox-search-clear" aria-label={c("inbox_search_clear")} onClick={clear}>
              <Icon name="close" />
            </button>
          )}
        </div>
        <p id={`${id}f`} class="ds-validation-message" role="alert" hidden={fault === ""}>
          {fault}
        </p>
      </form>
    </search>
  );
}
