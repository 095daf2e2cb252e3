"""Settings of cases, attachments and notices, from the environment (``ALLTID_*``). docs/settings.md shows them."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class MessageSettings(BaseSettings):
    """Cases, attachments and notices at one front."""

    model_config = SettingsConfigDict(env_prefix="ALLTID_", extra="ignore", frozen=True)

    case_reopen_days: int = Field(default=14, ge=0, description="For so long a closed case can be reopened.")
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
    upload_address_lifetime_s: int = Field(default=600, ge=10, description="How long an upload may be begun.")
    download_address_lifetime_s: int = Field(default=120, ge=5, description="How long a download may be begun.")
    upload_timeout_s: float = Field(default=300.0, gt=0, description="How long an upload may take.")
    uploads_at_once: int = Field(
        default=8, gt=0, description="Uploads that a front takes at once; each is held in memory while it is examined."
    )
    clamd_url: str = Field(
        default="",
        description="Virus scanner clamd, `unix:///path` or `tcp://host:port`; empty: files are not scanned.",
    )
