"""What has changed about free places: versions that grow with each commit which changes what a search would find.

Whoever keeps an answer keeps the version that its question had before it was looked up; the answer is good as long as
the version is the same. This is known in the process that made the change, the moment after its commit. Other processes
of the companion learn of nothing: their answers are good for ``search_cache_s`` and no longer.
"""

from collections.abc import Iterable
from typing import Final

Touched = tuple[str, str] | None
"""A unit and a time type whose places changed; None: any of them (closures, new slots, another time type)."""
ANYWHERE: Final[Touched] = None


class SlotNews:
    """One per database of a process."""

    def __init__(self) -> None:
        self._anywhere = 0
        self._versions: dict[tuple[str | None, str | None], int] = {}
        """By what a question may name: a unit, a time type, both or nothing."""

    def version(self, unit_hsa_id: str | None, time_type_id: str | None) -> int:
        """It grows whenever something about these places changes; None: whatever unit or time type."""
        return self._anywhere + self._versions.get((unit_hsa_id, time_type_id), 0)

    def tell(self, touched: Iterable[Touched]) -> None:
        """A commit has changed these."""
        for one in touched:
            if one is None:
                self._anywhere += 1
                continue
            unit, time_type = one
            for concerned in ((unit, time_type), (unit, None), (None, time_type), (None, None)):
                self._versions[concerned] = self._versions.get(concerned, 0) + 1
