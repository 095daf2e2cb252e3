"""When to ask a publisher for a keyframe: merged over all who want one, and throttled.

A keyframe costs the publisher ten ordinary frames and everybody's download, so a hundred subscribers that lose the
same packet must cost one. Sans-I/O: the caller sends the PLIs that are returned.
"""

from dataclasses import dataclass

MIN_INTERVAL_US = 500_000
"""Least time between two requests to one source. Shorter floods weak encoders; longer is seen as a freeze."""
RETRY_US = 1_000_000
"""The request or the keyframe may be lost: ask again after this."""
MAX_RETRIES = 5
"""A source that sends no keyframe after this many is paused or gone; the next request begins anew."""


@dataclass(slots=True)
class _Pending:
    sent_us: int
    retries: int = 0
    wanted: bool = True
    asked_since: bool = False
    """Somebody asked again after the keyframe came: due as soon as the interval is over."""


class KeyframeRequests:
    """The requests to all sources of one worker, by source id."""

    def __init__(self) -> None:
        self._pending: dict[int, _Pending] = {}

    def request(self, source_id: int, now_us: int) -> bool:
        """Somebody needs a keyframe; return True if a PLI is to be sent now, else one is under way or follows."""
        pending = self._pending.get(source_id)
        if pending is None or now_us - pending.sent_us >= MIN_INTERVAL_US:
            self._pending[source_id] = _Pending(now_us)
            return True
        pending.asked_since |= not pending.wanted
        pending.wanted = True
        return False

    def received(self, source_id: int) -> None:
        """A keyframe has come: nobody waits any more (the interval to the next request still holds)."""
        pending = self._pending.get(source_id)
        if pending is not None:
            pending.wanted = False

    def forget(self, source_id: int) -> None:
        """The source is gone."""
        self._pending.pop(source_id, None)

    def poll(self, now_us: int) -> list[int]:
        """Return the sources whose request is due again."""
        due = []
        for source_id, pending in list(self._pending.items()):
            if not pending.wanted:
                if now_us - pending.sent_us >= MIN_INTERVAL_US:
                    del self._pending[source_id]
            elif now_us - pending.sent_us >= (MIN_INTERVAL_US if pending.asked_since else RETRY_US):
                if pending.retries == MAX_RETRIES:
                    del self._pending[source_id]
                    continue
                pending.sent_us = now_us
                pending.retries = 0 if pending.asked_since else pending.retries + 1
                pending.asked_since = False
                due.append(source_id)
        return due
