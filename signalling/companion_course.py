"""The course of a meeting, as the companion is told of it: who came in, and that staff ended it for all.

Reports wait in Redis with the others (``signalling/companion_reports.py``): a meeting goes on without the companion.
"""

import re
from collections.abc import Callable
from typing import Final

import structlog
from redis.exceptions import RedisError

from auth.tokens import MeetingClaims
from signalling.companion_reports import CompanionReports
from signalling.meetings import Meeting

_COMPANION_ID: Final = re.compile(r"mt-[a-z2-7]{26}")
_SIDES: Final = frozenset({"participant", "host"})
"""Roles of the patient (or proxy) and of staff; guests and interpreters make no visit."""

_log = structlog.get_logger(__name__)


class MeetingCourse:
    """Tells of meetings that have a booking."""

    def __init__(self, reports: CompanionReports, *, clock: Callable[[], float]) -> None:
        self._reports = reports
        self._clock = clock

    async def joined(self, claims: MeetingClaims) -> None:
        """Somebody is in the meeting. Of several who come before the companion is told, the first counts."""
        if claims.role in _SIDES:
            await self._tell(claims.room_id, f"joined/{claims.role}", is_first=True)

    async def ended(self, meeting: Meeting) -> None:
        """Staff have ended it for all."""
        await self._tell(meeting.meeting_id, "ended", is_first=False)

    async def _tell(self, meeting_id: str, what: str, *, is_first: bool) -> None:
        if not _COMPANION_ID.fullmatch(meeting_id):
            return
        body = {"at_ms": int(self._clock() * 1000)}
        try:
            await self._reports.add("PUT", f"/meetings/{meeting_id}/{what}", body, keeps_first=is_first)
        except (RedisError, OSError) as error:  # nobody is kept out of a meeting by it
            _log.warning("meeting_course_untold", error=type(error).__name__)
