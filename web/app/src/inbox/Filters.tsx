import { FILTERS, type Filter } from "../cases/logic";
import { useCaseText } from "../cases/texts";

interface Props {
  chosen: Filter;
  /** Of the open cases. */
  counts: Record<Filter, number>;
  onChoose: (filter: Filter) => void;
}

/** Which part of the inbox is shown. */
export function Filters({ chosen, counts, onChoose }: Props) {
  const c = useCaseText();
  return (
    <div class="ap-filters" role="group" aria-label={c("inbox_filters")} data-testid="filters">
      {FILTERS.map((filter) => (
        <button
          key={filter}
          type="button"
          class="ap-filter"
          data-filter={filter}
          data-late={filter === "late" && counts.late > 0}
          aria-pressed={filter === chosen}
          onClick={() => onChoose(filter)}
        >
          {c(`filter_${filter}`)}
          {filter !== "closed" && <span class="ap-count">{counts[filter]}</span>}
        </button>
      ))}
    </div>
  );
}
