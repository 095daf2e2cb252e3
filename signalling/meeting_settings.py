"""Settings of meetings, their links and TURN, from the environment (``ALLTID_*``). docs/settings.md shows them."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class MeetingSettings(BaseSettings):
    """Meetings at one front."""

    model_config = SettingsConfigDict(env_prefix="ALLTID_", extra="ignore", frozen=True)

    meeting_token_lifetime_s: int = Field(
        default=300, ge=5, description="How long a meeting token lives; it is renewed while its socket lives."
    )
    meeting_open_before_s: int = Field(
        default=900, ge=0, description="A meeting opens so long before its planned start; for staff it is always open."
    )
    meeting_open_after_s: int = Field(
        default=7200, ge=0, description="A meeting can be entered, and tokens renewed, so long after its planned end."
    )
    guest_link_lifetime_s: int = Field(
        default=14 * 24 * 3600, ge=60, description="A guest link opens so long at most, and not after its meeting."
    )
    guest_attempts_per_minute: int = Field(
        default=30, ge=1, description="Uses of guest links from one address, the failed ones included."
    )
    turn_urls: str = Field(
        default="", description="TURN servers, `turn:` or `turns:` addresses separated by commas (docs/turn.md)."
    )
    turn_secret: SecretStr | None = Field(
        default=None, description="The secret shared with the TURN servers (coturn's `static-auth-secret`)."
    )
    turn_lifetime_s: int = Field(default=3600, ge=60, description="How long TURN credentials can be used to connect.")
