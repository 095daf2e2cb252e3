"""When to ask the companion again, and when to leave it alone. No I/O: time and randomness are arguments.

Retries alone make an overloaded service worse. So each request has few of them, spread by jitter, within one deadline;
and the circuit breaker stops all asking for a while when too many of the last requests failed.
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from random import Random


@dataclass(frozen=True)
class RetryPolicy:
    """How often and after which pauses a request is tried again."""

    attempts: int = 3
    """All attempts, the first one included."""
    base_s: float = 0.1
    cap_s: float = 1.0
    attempt_s: float = 1.5
    """What one attempt may take."""
    total_s: float = 3.0
    """What all of them may take with their pauses: somebody waits in front of a screen."""

    def pause_s(self, attempt: int, rng: Random, retry_after_s: float | None = None) -> float:
        """The pause after attempt ``attempt`` (from 1): anything up to a limit that doubles each time ("full jitter"),
        and never less than the companion itself asked for (``Retry-After``, RFC 9110 section 10.2.3).
        """
        limit = min(self.cap_s, self.base_s * 2.0 ** (attempt - 1))
        return max(rng.uniform(0.0, limit), retry_after_s or 0.0)

    def may_retry(self, attempt: int, pause_s: float, elapsed_s: float) -> bool:
        """Whether another attempt after ``pause_s`` fits in what is left of attempts and time."""
        return attempt < self.attempts and elapsed_s + pause_s < self.total_s


class BreakerState(StrEnum):
    """``closed -> open -> half_open -> closed | open``."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True)
class BreakerPolicy:
    """When the circuit opens and for how long."""

    window: int = 20
    """So many of the last results count..."""
    window_s: float = 10.0
    """...that are not older than this."""
    min_results: int = 5
    """With fewer of them nothing is concluded."""
    failure_share: float = 0.5
    open_s: float = 1.0
    max_open_s: float = 30.0
    """Each trial that fails doubles the pause, up to this."""


@dataclass(frozen=True)
class Permit:
    """The right to one request; its result is reported with it. Results of an earlier phase count no more."""

    phase: int


class CircuitBreaker:
    """Counts results; while it is open nobody asks, then one request at a time tries whether all is well again."""

    def __init__(self, policy: BreakerPolicy, rng: Random) -> None:
        self._policy = policy
        self._rng = rng
        self._results: deque[tuple[float, bool]] = deque(maxlen=policy.window)
        self._state = BreakerState.CLOSED
        self._phase = 0
        self._open_s = policy.open_s
        self._try_at = 0.0
        self._is_trial_out = False

    def state(self, now: float) -> BreakerState:
        """What it is at ``now``."""
        if self._state is BreakerState.OPEN and now >= self._try_at:
            return BreakerState.HALF_OPEN
        return self._state

    def acquire(self, now: float) -> Permit | None:
        """The right to ask, or None: do not. Whoever gets it calls ``record`` or ``abandon`` in the end."""
        state = self.state(now)
        if state is BreakerState.OPEN or (state is BreakerState.HALF_OPEN and self._is_trial_out):
            return None
        if state is BreakerState.HALF_OPEN:
            self._is_trial_out = True
            if self._state is BreakerState.OPEN:
                self._state = state
                self._phase += 1
        return Permit(self._phase)

    def record(self, permit: Permit, ok: bool, now: float) -> None:
        """How the request went; ``ok``: the companion answered, be it with a refusal."""
        if permit.phase != self._phase:
            return
        if self._state is BreakerState.HALF_OPEN:
            self._is_trial_out = False
            if ok:
                self._begin(BreakerState.CLOSED)
                self._open_s = self._policy.open_s
            else:
                self._open_s = min(self._open_s * 2, self._policy.max_open_s)
                self._open(now)
            return
        self._results.append((now, ok))
        if ok:
            return
        recent = [good for at, good in self._results if at > now - self._policy.window_s]
        failures = recent.count(False)
        if len(recent) >= self._policy.min_results and failures >= self._policy.failure_share * len(recent):
            self._open(now)

    def abandon(self, permit: Permit) -> None:
        """The request was given up (its caller went away): it says nothing about the companion."""
        if permit.phase == self._phase:
            self._is_trial_out = False

    def _open(self, now: float) -> None:
        """Fronts that saw the same fault do not all come back at the same moment: up to a quarter longer."""
        self._begin(BreakerState.OPEN)
        self._try_at = now + self._open_s * self._rng.uniform(1.0, 1.25)

    def _begin(self, state: BreakerState) -> None:
        self._state = state
        self._phase += 1
        self._is_trial_out = False
        self._results.clear()
