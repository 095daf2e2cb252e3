"""Settings of the front about the companion, from the environment (``ALLTID_*``). docs/settings.md shows them."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

Url = Annotated[str, Field(pattern=r"^(https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/-]*)?)?$")]


class CompanionLinkSettings(BaseSettings):
    """The companion, as one front uses it."""

    model_config = SettingsConfigDict(env_prefix="ALLTID_", extra="ignore", frozen=True)

    companion_url: Url = Field(
        default="",
        description="The companion's address, `http://companion:8082`. Empty: there are no bookings and no records; "
        "meetings and messages work without.",
    )
    care_requests_per_minute: int = Field(
        default=240, ge=1, description="Requests of one session below `/api/care`; as many at once after a pause."
    )
    care_public_per_minute: int = Field(
        default=1200, ge=1, description="Public ones, free slots above all, of one address (many people may share one)."
    )
    care_public_fresh_s: float = Field(
        default=2.0,
        ge=0,
        description="How old a public answer below `/api/care` may be; older ones, for minutes, only "
        "when the companion is away.",
    )
    audit_trim_after_days: int = Field(
        default=0,
        ge=0,
        description="Entries of the audit log that the companion has taken over leave Redis so many days later; the "
        "chain stays verifiable. 0: they stay.",
    )
