"""Types of fields that several areas read and show."""

import re
from datetime import UTC, date, datetime, time
from itertools import chain
from typing import Annotated, Any, ClassVar, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from auth.hsa import MAX_HSA_ID_CHARACTERS, HsaIdError, parse

_FIRST_DAY: Final = date(1900, 1, 1)
_LAST_DAY: Final = date(2199, 12, 31)
_DEEPEST: Final = 64
"""So many dicts and lists in one another: readers of JSON that call themselves for each end at some hundreds."""
_NOT_STORABLE: Final = re.compile("[\\x00\ud800-\udfff]")
"""A NUL in a column of text, or half a character."""
NOT_UNICODE: Final = re.compile("[\ud800-\udfff]")
"""Of what is kept as JSON, where a NUL is written as an escape."""


def _hsa_id(text: str) -> str:
    try:
        return parse(text)
    except HsaIdError:
        raise ValueError("not an HSA-id") from None


def _utc(at: datetime) -> datetime:
    if not _FIRST_DAY.year <= at.year <= _LAST_DAY.year:
        raise ValueError("too far from now")
    return at.astimezone(UTC)


def _is_storable(value: Any, refused: re.Pattern[str]) -> bool:
    """Whether a database and the next reader can take it: no text has what is refused, and nothing is very deep."""
    waiting = [(value, 0)]
    while waiting:
        one, depth = waiting.pop()
        if isinstance(one, str):
            if refused.search(one):
                return False
        elif isinstance(one, dict | list):
            if depth == _DEEPEST:
                return False
            parts = chain(one, one.values()) if isinstance(one, dict) else one
            waiting += [(part, depth + 1) for part in parts]
    return True


def _local(at: time) -> time:
    if at.tzinfo is not None:
        raise ValueError("a local time has no time zone")
    return at


HsaId = Annotated[
    str,
    StringConstraints(max_length=62),
    AfterValidator(_hsa_id),
    WithJsonSchema(
        {"type": "string", "pattern": "^(SE|TSTNMT)[0-9]{10}-[0-9A-Z]+$", "maxLength": MAX_HSA_ID_CHARACTERS}
    ),
]
ObjectId = Annotated[str, StringConstraints(pattern=r"^[a-z]{1,8}-[a-z2-7]{26}$")]
PersonId = Annotated[str, StringConstraints(pattern=r"^p-[a-z2-7]{26}$")]
ConversationId = Annotated[str, StringConstraints(pattern=r"^(case|notes)-[A-Za-z0-9_-]{1,64}$")]
AttachmentId = Annotated[str, StringConstraints(pattern=r"^att-[0-9a-f]{32}$")]
Name = Annotated[
    str, StringConstraints(min_length=1, max_length=128, strip_whitespace=True, pattern=r"^[^\x00-\x1f]+$")
]
Text = Annotated[str, StringConstraints(max_length=4000, pattern=r"^[^\x00]*$")]
Instant = Annotated[AwareDatetime, AfterValidator(_utc)]
"""With its time zone, and far from where calendars end; UTC inside."""
Day = Annotated[date, Field(ge=_FIRST_DAY, le=_LAST_DAY)]
"""A local day, far from where calendars end."""
LocalTime = Annotated[
    time,
    AfterValidator(_local),
    WithJsonSchema({"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$"}),
]
"""On the clocks of Stockholm. JSON Schema's format ``time`` has an offset (RFC 3339), which such a time has not."""
Minutes = Annotated[int, Field(ge=1, le=24 * 60)]
BirthDate = Annotated[date, Field(ge=date(1850, 1, 1), le=_LAST_DAY)]
Age = Annotated[int, Field(ge=0, le=150)]
BirthYear = Annotated[int, Field(ge=1850, le=2200)]


class Input(BaseModel):
    """What a request may say, and nothing else: unknown fields are refused (mass assignment), and what is no text."""

    model_config = ConfigDict(extra="forbid", str_max_length=10_000)
    refused_text: ClassVar[re.Pattern[str]] = _NOT_STORABLE

    @model_validator(mode="before")
    @classmethod
    def _refuse_what_is_not_storable(cls, data: Any) -> Any:
        if isinstance(data, dict) and not _is_storable(data, cls.refused_text):
            raise PydanticCustomError("not_storable", "text with NUL, text that is not Unicode, or too deep")
        return data


class Output(BaseModel):
    """What an answer says."""

    model_config = ConfigDict(from_attributes=True)
