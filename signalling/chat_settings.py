"""Settings of messages at a front, from the environment (``ALLTID_CHAT_*``). docs/settings.md shows them."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ChatSettings(BaseSettings):
    """Conversations at one front."""

    model_config = SettingsConfigDict(env_prefix="ALLTID_CHAT_", extra="ignore", frozen=True)

    messages_per_s: float = Field(default=2.0, gt=0, description="Messages a person may send per second, sustained.")
    messages_burst: int = Field(default=20, gt=0, description="Messages a person may send at once after a pause.")
    max_unsent_bytes: int = Field(
        default=256 * 1024, ge=65536, description="A socket with more waiting is too slow: it is told to resume later."
    )
    edit_window_s: int = Field(
        default=900, ge=0, description="How long an author may change or withdraw a message; 0: always."
    )
    meeting_kept_hours: int = Field(
        default=24,
        ge=1,
        description="A meeting's chat and its files are erased so long after its room closed.",
    )
    staff_kept_days: int = Field(
        default=90,
        ge=1,
        description="Messages of a unit's staff channel are forgotten so long after.",
    )
    max_kept_events: int = Field(
        default=20_000,
        ge=1000,
        le=90_000,
        description="The newest events that a staff channel, or the chat of a meeting that goes on, keeps at most.",
    )
    wait_aof_ms: int = Field(
        default=0,
        ge=0,
        le=2000,
        description=(
            "For a store that does not sync at each write: ask for it (WAITAOF, Redis 7.2) and wait so long at most "
            "before acknowledging; 0: not needed (`appendfsync always`)."
        ),
    )
    wait_replicas: int = Field(
        default=0,
        ge=0,
        le=5,
        description=(
            "Replicas that must have a message before it is acknowledged (WAITAOF with the above, else WAIT for a "
            "second at most); 0: none. A failover to one of them then loses nothing."
        ),
    )
    allow_loss: bool = Field(
        default=False,
        description=(
            "In production a front does not start on a store that may lose what it acknowledged (`appendfsync` other "
            "than `always`, and no `ALLTID_CHAT_WAIT_AOF_MS`); true: it does, and warns."
        ),
    )
    archive_dir: Path = Field(
        default=Path("var/archive"), description="Where closed conversations are kept while there is no companion."
    )
