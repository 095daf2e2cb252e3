"""Settings of portal links and SMART App Launch: a part of the front's settings."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from auth.portal_requests import MAX_LIFETIME_S


class PortalSettings(BaseSettings):
    """Which record systems may send clinicians here."""

    record_systems: SecretStr | None = Field(
        default=None, description="The record systems, a JSON list (docs/portal-links.md)."
    )
    record_systems_file: Path | None = Field(
        default=None, description="A file with the same, used when the above is unset."
    )
    portal_audience: str = Field(
        default="alltid-oppet:portal", min_length=1, description="What record systems write as `aud` of their requests."
    )
    portal_link_lifetime_s: int = Field(
        default=MAX_LIFETIME_S, ge=5, le=MAX_LIFETIME_S, description="How long a portal link can be used."
    )
    portal_links_per_minute: float = Field(
        default=600.0, gt=0, description="Requests for portal links that one network address may make per minute."
    )
