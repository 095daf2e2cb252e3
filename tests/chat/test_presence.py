"""Presence: one note per person and front, however many sockets."""

import asyncio
from typing import Any

from chat.keys import Keys
from chat.presence import PRESENT_MS, Presence


class Notes:
    """Stands where the committer stands; remembers what was noted."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, int]] = []

    def touch(self, key: str, _channel: str, mark: str, person: str, for_ms: int) -> "asyncio.Future[Any]":
        assert (key, mark) == (Keys("case-1").present, "P")
        self.noted.append((person, for_ms))
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        future.set_result([])
        return future


async def test_a_person_is_there_from_the_first_socket_to_the_last() -> None:
    notes = Notes()
    presence = Presence(notes, "front")  # type: ignore[arg-type]
    presence.enter("case-1", "anna")
    presence.enter("case-1", "anna")
    presence.leave("case-1", "anna")
    assert notes.noted == [("anna\tfront", PRESENT_MS)]
    presence.renew()
    presence.leave("case-1", "anna")
    assert notes.noted[1:] == [("anna\tfront", PRESENT_MS), ("anna\tfront", 0)]
    presence.renew()
    presence.leave("case-1", "anna")
    assert len(notes.noted) == 3
