"""When a notice is tried again. Pure: what has happened goes in, with a random number."""

from typing import Final

FIRST_S: Final = 10.0
FACTOR: Final = 3.0
LONGEST_S: Final = 3600.0
MAX_ATTEMPTS: Final = 9
"""10 s, 30 s, 90 s ... 1 h: some four hours in all, longer than most outages of a gateway."""


def pause_s(attempts: int, draw: float) -> float:
    """How long to wait after so many attempts: growing, and between half and all of it by ``draw`` (0 to 1).

    The draw keeps what failed together, when a gateway fell over, from coming back together.
    """
    whole: float = min(LONGEST_S, FIRST_S * FACTOR ** min(attempts - 1, 20))
    return whole * (0.5 + 0.5 * draw)


def next_attempt_s(attempts: int, draw: float, *, now_s: float, expires_at_s: float) -> float | None:
    """When to try again after a failure that may pass; None when it is given up."""
    at_s = now_s + pause_s(attempts, draw)
    return None if attempts >= MAX_ATTEMPTS or at_s >= expires_at_s else at_s
