"""Slow twin of ``loadtest.streamstats``: extended sequence numbers in a set, nothing clever."""

WINDOW = 1024


class ReferenceStream:
    """Counts as RFC 3550 appendix A.1 does for a stream that never restarts."""

    def __init__(self) -> None:
        self.seen: set[int] = set()
        self.first: int | None = None
        self.highest = 0
        self.duplicates = self.reordered = self.too_late = 0

    def observe(self, sequence_number: int) -> str:
        if self.first is None:
            self.first = self.highest = sequence_number
            self.seen.add(sequence_number)
            return "new"
        extended = min(
            (self.highest - self.highest % 65536 + cycle * 65536 + sequence_number for cycle in (-1, 0, 1)),
            # Exactly half way round counts as behind.
            key=lambda value: (abs(value - self.highest), value),
        )
        if extended > self.highest:
            self.highest = extended
            self.seen.add(extended)
            return "new"
        if extended <= self.highest - WINDOW:
            self.too_late += 1
            return "too_late"
        if extended in self.seen:
            self.duplicates += 1
            return "duplicate"
        self.seen.add(extended)
        self.first = min(self.first, extended)
        self.reordered += 1
        return "reordered"

    @property
    def received(self) -> int:
        return len(self.seen)

    @property
    def lost(self) -> int:
        return 0 if self.first is None else self.highest - self.first + 1 - len(self.seen)
