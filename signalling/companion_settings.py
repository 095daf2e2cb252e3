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
