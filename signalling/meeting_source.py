"""Where meetings are found: in Redis; what has been lost there, or is not there yet, is asked of the companion.

A patient's or a unit's list is asked for when its mark (``ao:meetings-known:<who>``) is missing. The mark lives in the
same Redis as the meetings: when they are lost, so is the mark. What the companion tells is written as news of the
booking is, so that it never undoes anything newer.
"""

import re
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError
from redis.asyncio import Redis

from auth.pseudonyms import is_person_id
from signalling.companion_answers import CompanionRefusedError, CompanionUnavailableError
from signalling.companion_cache import Freshness
from signalling.companion_caller import FRONT
from signalling.companion_client import CompanionClient
from signalling.http_errors import HttpError
from signalling.meetings import Meeting, MeetingKind, Meetings

TITLE: Final = "Videobesök"
"""Neutral: what the visit is about stands in the booking, for those who may read it."""
KNOWN_S: Final = 3600
"""So long a list is not asked for again; news of bookings keeps it right meanwhile."""
NOT_THERE_S: Final = 5.0
MAX_NOT_THERE: Final = 1000
_ONCE: Final = Freshness(fresh_s=1.0, stale_s=1.0)
"""Many who come to the same lost meeting ask once."""
_COMPANION_ID: Final = re.compile(r"mt-[a-z2-7]{26}")
_TO_COME: Final = frozenset({"booked", "arrived"})

_log = structlog.get_logger(__name__)


class BookedMeeting(BaseModel):
    """A meeting's booking, as the companion shows it to the front; what else it says is left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    meeting_id: str
    sequence: int
    state: str
    is_video: bool
    provider_hsa_id: str
    unit_hsa_id: str
    unit_name: str
    unit_phone: str | None
    patient_person_id: str | None
    is_group: bool = False
    host_ids: frozenset[str] = frozenset()
    member_ids: frozenset[str] = frozenset()
    is_protected: bool
    starts_at: int
    ends_at: int
    interpreter_language: str | None

    @property
    def becomes(self) -> Literal["open", "as_it_is", "closed"]:
        """What the booking makes of the meeting: done or missed, a visit ends by itself."""
        if self.state == "cancelled" or not self.is_video:
            return "closed"
        return "open" if self.state in _TO_COME else "as_it_is"

    def _kind(self) -> MeetingKind:
        if self.is_group:
            return "group"
        is_small = self.interpreter_language is None and not self.member_ids and len(self.host_ids) < 2
        return "one_to_one" if is_small else "multi_party"

    def meeting(self) -> Meeting:
        """The meeting that belongs to it. All staff of the unit hold it."""
        return Meeting(
            meeting_id=self.meeting_id,
            title=TITLE,
            kind=self._kind(),
            provider_hsa_id=self.provider_hsa_id,
            unit_hsa_id=self.unit_hsa_id,
            unit_name=self.unit_name,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            patient=self.patient_person_id,
            host_ids=self.host_ids,
            member_ids=self.member_ids,
            phone=self.unit_phone,
            sequence=self.sequence,
            interpreter_language=self.interpreter_language,
            is_protected=self.is_protected,
        )


class MeetingSource:
    """Finds meetings. Without a companion (``client`` None) what is in Redis is all there is."""

    def __init__(
        self,
        redis: "Redis",
        meetings: Meetings,
        client: CompanionClient | None,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._redis = redis
        self._meetings = meetings
        self._client = client
        self._clock = clock
        self._not_there: dict[str, float] = {}

    async def find(self, meeting_id: str) -> Meeting | None:
        """The meeting; ``unavailable`` when only the companion could say whether there is one."""
        found = await self._meetings.get(meeting_id)
        if found is not None or self._client is None or not _COMPANION_ID.fullmatch(meeting_id):
            return found
        now = time.monotonic()
        if now < self._not_there.get(meeting_id, 0.0) or await self._meetings.is_closed(meeting_id):
            return None
        try:
            booked = await self.ask(self._client, meeting_id, _ONCE)
        except CompanionUnavailableError:
            raise HttpError("unavailable") from None
        except CompanionRefusedError:
            booked = None
        if booked is None or booked.becomes != "open":
            if len(self._not_there) >= MAX_NOT_THERE:
                self._not_there.clear()
            self._not_there[meeting_id] = now + NOT_THERE_S
            return None
        await self._meetings.put_newer(booked.meeting(), self._clock(), reopens=False)
        return await self._meetings.get(meeting_id)

    async def listed(self, owners: Iterable[str], now: float) -> list[Meeting]:
        """The meetings of any of ``owners``; when the companion is away, as far as they are known here."""
        names = list(owners)
        for name in names if self._client is not None else ():
            await self._complete(name)
        return await self._meetings.listed(names, now)

    async def ask(self, client: CompanionClient, meeting_id: str, freshness: Freshness | None = None) -> BookedMeeting:
        """What the companion says of a meeting now; its client's errors."""
        return _read((await client.get(f"/meetings/{meeting_id}", FRONT, freshness=freshness)).body)

    async def _complete(self, owner: str) -> None:
        path = _path_of(owner)
        mark = f"ao:meetings-known:{owner}"
        if path is None or self._client is None or await self._redis.exists(mark):
            return
        try:
            body: Any = (await self._client.get(path, FRONT, freshness=_ONCE)).body
            for one in body["meetings"]:
                await self._meetings.put_newer(_read(one).meeting(), self._clock(), reopens=False)
        except CompanionUnavailableError as error:
            _log.warning("meetings_incomplete", cause=error.cause)
            return
        except CompanionRefusedError as error:
            if error.status != 404:  # 404: the companion knows nobody of that id, and nothing of theirs
                _log.error("meetings_refused", code=error.code)
                return
        await self._redis.set(mark, b"1", ex=KNOWN_S)


def _read(body: Any) -> BookedMeeting:
    try:
        return BookedMeeting.model_validate(body)
    except ValidationError:
        raise CompanionUnavailableError("malformed") from None


def _path_of(owner: str) -> str | None:
    """Where the companion tells what is to come of a list's owner; None: it knows nothing of such lists."""
    if is_person_id(owner):
        return f"/persons/{owner}/meetings"
    kind, _, rest = owner.partition(":")
    return f"/units/{rest.rpartition(':')[2]}/meetings" if kind == "unit" else None
