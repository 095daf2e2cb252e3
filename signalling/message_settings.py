"""Settings of cases, attachments and notices, from the environment (``ALLTID_*``). docs/settings.md shows them."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class MessageSettingsError(ValueError):
    """Settings that cannot be used; the message shows no secret."""


class MessageSettings(BaseSettings):
    """Cases, attachments and notices at one front."""

    model_config = SettingsConfigDict(env_prefix="ALLTID_", extra="ignore", frozen=True)

    case_reopen_days: int = Field(default=14, ge=0, description="For so long a closed case can be reopened.")
    colleague_days: int = Field(
        default=30, gt=0, description="Cases can be given to who has opened the unit's list so many days ago at most."
    )
    max_open_cases: int = Field(default=20, gt=0, description="Open cases of one patient at one unit.")

    attachments_url: SecretStr | None = Field(
        default=None,
        description="An S3-compatible store, `s3+https://key:secret@host/bucket/prefix?region=...`; unset: on disk.",
    )
    attachments_dir: Path = Field(
        default=Path("var/attachments"), description="Where attachments are kept on disk (all fronts must see it)."
    )
    attachment_max_bytes: int = Field(default=20 * 1024 * 1024, gt=0, description="Largest attachment.")
    conversation_max_bytes: int = Field(
        default=200 * 1024 * 1024, gt=0, description="What the attachments of one conversation may hold together."
    )
    conversation_max_files: int = Field(default=200, gt=0, description="Attachments of one conversation.")
    attachment_unused_per_person: int = Field(
        default=10, gt=0, description="Uploads of one person in a conversation that no message carries yet."
    )
    attachment_day_bytes_per_person: int = Field(
        default=500 * 1024 * 1024, gt=0, description="What one person may send in a day (UTC), in all conversations."
    )
    attachments_per_minute: int = Field(
        default=30, gt=0, description="Addresses for files that one person may ask for in a minute."
    )
    upload_address_lifetime_s: int = Field(default=600, ge=10, description="How long an upload may be begun.")
    download_address_lifetime_s: int = Field(default=120, ge=5, description="How long a download may be begun.")
    upload_timeout_s: float = Field(default=300.0, gt=0, description="How long an upload may take.")
    uploads_at_once: int = Field(
        default=8, gt=0, description="Uploads that a front takes at once; each is held in memory while it is examined."
    )
    uploads_per_person: int = Field(
        default=2, gt=0, description="Of these, of one person; their further ones wait for their turn."
    )
    upload_min_bytes_per_s: int = Field(
        default=4096, gt=0, description="An upload that comes more slowly, after ten seconds, is given up."
    )
    clamd_url: str = Field(
        default="",
        description="Virus scanner clamd, `unix:///path` or `tcp://host:port`; empty: files are not scanned.",
    )

    mode: Literal["development", "production"] = Field(
        default="production",
        description="`development`: notices for which no gateway is set go into a sink with a page to read them, "
        "`/development/notices`.",
    )
    smtp_url: SecretStr | None = Field(
        default=None,
        description="Mail server, `smtp://user:password@host:587` (STARTTLS), `smtps://...`, or `smtp+plain://` for a "
        "relay on this machine; unset: no e-mail.",
    )
    smtp_sender: str = Field(default="", description="Address that mail comes from.")
    sms_url: str = Field(default="", description="SMS gateway (docs/notices.md); empty: no SMS.")
    sms_token: SecretStr | None = Field(default=None, description="Bearer token towards it.")
    sms_sender: str = Field(default="AlltidOppet", description="Sender's name or number on SMS.")
    vapid_key: SecretStr | None = Field(
        default=None,
        description="Key for web push (RFC 8292), 32 bytes in base64url; unset: no web push. `serve` makes one in "
        "development mode, and never in production.",
    )
    vapid_key_file: Path | None = Field(default=None, description="A file with the same, used when the above is unset.")
    vapid_subject: str = Field(
        default="", description="`mailto:` or `https:` address where push services can reach who runs this."
    )
    push_hosts: str = Field(
        default="",
        description="Push services that may be called, separated by blanks; empty: those of the known browsers.",
    )
