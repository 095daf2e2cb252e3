"""Interpreters see no files: neither what is in them nor what they are called (the specification's section on roles).

A message with files is two packets, one of them for interpreters; everything else is one packet for everybody. Only
meetings have interpreters.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from auth.principal import Principal
from chat.fanout import Reader
from signalling.chat_packets import event_frame
from signalling.socket_gate import push_to_all

_MEETING: Final = "meeting-"


@dataclass(frozen=True)
class TwoFrames:
    """A message with files."""

    whole: bytes
    without_files: bytes

    def push(self, readers: dict[Reader, int], first: int) -> list[Reader]:
        """To each reader what they may see; who has too much waiting (``push_to_all``)."""
        seeing = {reader: has for reader, has in readers.items() if sees_files(reader.principal)}
        others = {reader: has for reader, has in readers.items() if reader not in seeing}
        return [*push_to_all(seeing, [self.whole], first), *push_to_all(others, [self.without_files], first)]


def sees_files(principal: Principal) -> bool:
    """Whether they may know of files."""
    return principal.kind != "interpreter"


def without_files(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event (``ChatEvent``) as interpreters see it."""
    body = {name: value for name, value in event["body"].items() if name != "attachments"}
    return {**event, "body": body}


def shown_to(principal: Principal, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events of an answer."""
    return events if sees_files(principal) else [without_files(event) for event in events]


def frames(event: str, payload: Mapping[str, Any]) -> bytes | TwoFrames:
    """``event_frame``, or both frames of what is not for everybody (``chat.fanout.Encode``)."""
    frame = event_frame(event, payload)
    if event != "chat_event" or "attachments" not in payload["body"]:
        return frame
    if not payload["conversation_id"].startswith(_MEETING):
        return frame
    return TwoFrames(frame, event_frame(event, without_files(payload)))
