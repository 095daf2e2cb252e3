"""Settings of the front and of the supervisor, from the environment (``ALLTID_*``). docs/settings.md shows them."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from sfu.registry import MAX_PARTICIPANTS
from signalling.companion_settings import CompanionLinkSettings
from signalling.login_settings import LoginSettings
from signalling.meeting_settings import MeetingSettings
from signalling.message_settings import MessageSettings
from signalling.portal_settings import PortalSettings


class FrontSettings(LoginSettings, MeetingSettings, PortalSettings, MessageSettings, CompanionLinkSettings):
    """One front process: `python -m signalling.front`."""

    model_config = SettingsConfigDict(env_prefix="ALLTID_", extra="ignore", frozen=True)

    redis_url: str = Field(default="redis://127.0.0.1:6379/0", description="Redis or Valkey (`unix://` too).")
    front_id: str = Field(default="", description="Name of this front on the bus; random when empty.")
    token_keys: SecretStr | None = Field(
        default=None, description="Token signing keys, `kid:base64,...`; the first signs, all of them check."
    )
    token_keys_file: Path | None = Field(
        default=None, description="A file with the same, used when the above is unset."
    )

    http_host: str = Field(
        default="127.0.0.1", description="Plain HTTP address: this machine only, or a proxy that speaks TLS."
    )
    http_port: int = Field(default=8080, ge=0, le=65535, description="Plain HTTP port; 0 lets the system choose.")
    https_host: str = Field(default="0.0.0.0", description="HTTPS address.")
    https_port: int = Field(default=8443, ge=0, le=65535, description="HTTPS port; 0 lets the system choose.")
    certificate_file: Path | None = Field(
        default=None, description="Certificate chain (PEM). Without it there is no HTTPS."
    )
    certificate_key_file: Path | None = Field(default=None, description="The certificate's private key (PEM).")
    web_root: Path = Field(default=Path("web/dist"), description="The built web client.")
    allowed_origins: str = Field(
        default="", description="Origins other than our own that may open sockets, separated by commas."
    )
    metrics_token: SecretStr | None = Field(
        default=None, description="Bearer token for `/metrics`; when unset only this machine may read it."
    )

    join_timeout_s: float = Field(
        default=10.0, gt=0, description="A socket that is in no room for this long is closed."
    )
    rpc_timeout_s: float = Field(default=5.0, gt=0, description="How long a media worker may take to answer.")
    resume_grace_s: int = Field(
        default=12 * 3600, ge=0, description="A token may have expired so long ago and still resume a running call."
    )
    max_sockets_per_address: int = Field(
        default=0,
        ge=0,
        description="Sockets accepted from one client address; 0: no limit (a hospital may share one address).",
    )
    max_sockets: int = Field(default=20_000, gt=0, description="Sockets this front accepts.")
    max_message_bytes: int = Field(
        default=512 * 1024, ge=65536, description="A larger frame closes the socket (an offer may have 256 kB)."
    )
    max_small_message_bytes: int = Field(
        default=32 * 1024, ge=1024, description="Messages without an offer that are larger are refused."
    )
    messages_per_s: float = Field(default=20.0, gt=0, description="Messages a socket may send per second, sustained.")
    messages_burst: int = Field(default=60, gt=0, description="Messages a socket may send at once after a pause.")
    offers_per_s: float = Field(default=0.5, gt=0, description="Joins, resumes and offers per second, sustained.")
    offers_burst: int = Field(default=6, gt=0, description="Joins, resumes and offers at once after a pause.")
    max_queued_messages: int = Field(
        default=256, gt=0, description="A socket with more unsent messages is too slow and is closed."
    )
    ping_interval_s: float = Field(default=10.0, gt=0, description="Socket.IO ping interval.")
    ping_timeout_s: float = Field(default=10.0, gt=0, description="A socket that answers no ping for so long is lost.")
    max_participants: int = Field(
        default=100, gt=0, le=MAX_PARTICIPANTS, description="Limit of a room whose creator gives none."
    )
    log_level: str = Field(default="info", description="`debug`, `info`, `warning` or `error`.")
    log_format: str = Field(default="json", description="`json`, or `text` for people.")


class ServeSettings(BaseSettings):
    """Everything on one machine: `alltid-oppet serve`. Children get the other settings from the environment too."""

    model_config = SettingsConfigDict(env_prefix="ALLTID_", extra="ignore", frozen=True)

    redis_url: str = Field(default="", description="Redis or Valkey; when empty an embedded Valkey is started.")
    data_dir: Path = Field(
        default=Path("var"),
        description="Keys, certificate, data of the embedded Valkey and of the companion (mode 0700).",
    )
    workers: int = Field(default=0, ge=0, description="Media workers; 0 means one per core.")
    pin_workers: bool = Field(default=False, description="Bind each media worker to a core of its own.")
    media_addresses: str = Field(
        default="", description="Addresses announced to clients, separated by commas; empty means this machine's own."
    )
    https: bool = Field(default=True, description="Make a self-signed certificate when none is given, and serve HTTPS.")
    mode: Literal["development", "production"] = Field(
        default="development",
        description="`development` has a demo room, and a test bench with invented persons beside the service, unless "
        "`ALLTID_DEMO` is false; `production` has neither.",
    )
    provider_port: int = Field(
        default=8090, ge=0, le=65535, description="Development: the identity provider's port; another when it is taken."
    )
    record_system_port: int = Field(
        default=8091, ge=0, le=65535, description="Development: the fake record system's; another when it is taken."
    )
    demo: bool = Field(
        default=True, description="Development: create a demo room, print two links to it, start the test bench."
    )
    companion: bool = Field(
        default=True,
        description="Start the companion (bookings, records) too, unless `ALLTID_COMPANION_URL` names one. Its "
        "database is SQLite in the data directory, unless `ALLTID_COMPANION_DATABASE_URL` names another.",
    )
    stop_timeout_s: float = Field(
        default=8.0, gt=0, description="After this long a child that does not stop is killed."
    )
    log_format: str = Field(default="text", description="`json`, or `text` for people.")
