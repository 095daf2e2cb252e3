"""Types of fields that several areas read and show."""

from datetime import UTC, date, datetime, time
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from auth.hsa import HsaIdError, parse


def _hsa_id(text: str) -> str:
    try:
        return parse(text)
    except HsaIdError:
        raise ValueError("not an HSA-id") from None


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _local(at: time) -> time:
    if at.tzinfo is not None:
        raise ValueError("a local time has no time zone")
    return at


HsaId = Annotated[str, StringConstraints(max_length=62), AfterValidator(_hsa_id)]
ObjectId = Annotated[str, StringConstraints(pattern=r"^[a-z]{1,8}-[a-z2-7]{26}$")]
PersonId = Annotated[str, StringConstraints(pattern=r"^p-[a-z2-7]{26}$")]
ConversationId = Annotated[str, StringConstraints(pattern=r"^(case|notes)-[A-Za-z0-9_-]{1,64}$")]
AttachmentId = Annotated[str, StringConstraints(pattern=r"^att-[0-9a-f]{32}$")]
Name = Annotated[
    str, StringConstraints(min_length=1, max_length=128, strip_whitespace=True, pattern=r"^[^\x00-\x1f]+$")
]
Text = Annotated[str, StringConstraints(max_length=4000, pattern=r"^[^\x00]*$")]
Instant = Annotated[AwareDatetime, AfterValidator(_utc)]
"""With its time zone; UTC inside."""
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2199, 12, 31))]
"""A local day, far from where calendars end."""
LocalTime = Annotated[
    time,
    AfterValidator(_local),
    WithJsonSchema({"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$"}),
]
"""On the clocks of Stockholm. JSON Schema's format ``time`` has an offset (RFC 3339), which such a time has not."""
Minutes = Annotated[int, Field(ge=1, le=24 * 60)]
Age = Annotated[int, Field(ge=0, le=150)]
BirthYear = Annotated[int, Field(ge=1850, le=2200)]


class Input(BaseModel):
    """What a request may say, and nothing else: unknown fields are refused (mass assignment)."""

    model_config = ConfigDict(extra="forbid", str_max_length=10_000)


class Output(BaseModel):
    """What an answer says."""

    model_config = ConfigDict(from_attributes=True)
