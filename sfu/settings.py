"""A media worker's settings, from ``ALLTID_*`` environment variables. docs/settings.md is generated from here."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class WorkerSettings(BaseSettings):
    """One media worker process."""

    model_config = SettingsConfigDict(env_prefix="ALLTID_", extra="ignore", frozen=True)

    redis_url: str = Field(
        default="redis://127.0.0.1:6379/0", description="Redis 7 or Valkey (redis://, rediss:// or unix://)."
    )
    worker_id: str = Field(
        default="worker-0", description="This worker's name, unique among all machines.", max_length=64
    )
    media_host: str = Field(default="0.0.0.0", description="Address the UDP socket binds to.")
    media_port: int = Field(default=0, ge=0, le=65535, description="UDP port of the worker; 0 takes any free one.")
    media_addresses: str = Field(
        default="127.0.0.1",
        description="Addresses told to clients, best first, separated by commas (a NAT's outside address).",
    )
    media_cpu: int = Field(
        default=-1, ge=-1, description="Processor the worker is pinned to; -1 leaves it to the system."
    )
    media_segmentation: bool = Field(default=True, description="Send trains of packets with UDP_SEGMENT.")
    media_equalise: bool = Field(
        default=True, description="Pad a frame's packets to one size, so that they make one train."
    )
    media_feedback_socket: bool = Field(
        default=True, description="Let the kernel sort RTCP onto a second socket, where it wakes nobody."
    )
    media_coalesce_us: int = Field(
        default=1000,
        ge=0,
        le=5000,
        description="How long a busy worker gathers datagrams before the next batch, in microseconds; 0: not at all.",
    )
    media_buffer_bytes: int = Field(
        default=4_194_304,
        ge=65536,
        description="Socket buffers asked for; the kernel's rmem_max and wmem_max bound them.",
    )
    lost_after_ms: int = Field(
        default=30_000,
        ge=1000,
        description="How long a participant's place is kept after the signalling socket is lost.",
    )
    worker_metrics_port: int = Field(default=-1, ge=-1, le=65535, description="HTTP port of /metrics; 0 any, -1 none.")
    worker_metrics_host: str = Field(default="127.0.0.1", description="Address that /metrics binds to.")
    log_level: str = Field(default="info", description="debug, info, warning or error.")
    log_format: str = Field(default="json", description="`json`, or `text` for people.")
