"""Settings of the test bench, from the environment (``ALLTID_*``). docs/settings.md shows them."""

import secrets

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class TestBenchSettings(BaseSettings):
    """The development provider and the fake record system: `python -m auth.development.provider`,
    `python -m auth.development.record_system`.
    """

    __test__ = False  # not a test, whatever its name
    model_config = SettingsConfigDict(env_prefix="ALLTID_", extra="ignore", frozen=True)

    mode: str = Field(default="", description="The test bench starts only when this is `development`.")
    development_provider_url: str = Field(
        default="http://localhost:8090", description="The provider's own address; its port is listened on."
    )
    development_record_system_url: str = Field(
        default="http://localhost:8091", description="The record system's own address; its port is listened on."
    )
    development_front_url: str = Field(
        default="http://localhost:8080", description="Where the record system finds the front, and sends browsers."
    )
    development_client_secret: SecretStr | None = Field(
        default=None,
        description="Secret of the client `alltid-oppet`, for logins and for SMART App Launch; random when unset.",
    )
    development_redirect_origins: str = Field(
        default="", description="Origins of the front besides this machine's own, separated by commas."
    )
    log_format: str = Field(default="json", description="`json`, or `text` for people.")

    def client_secret(self) -> str:
        """The client's secret; one that nobody knows when none is set."""
        secret = self.development_client_secret
        return secrets.token_urlsafe(32) if secret is None else secret.get_secret_value()

    def redirect_origins(self) -> list[str]:
        """Origins of the front besides this machine's own."""
        return [origin.strip() for origin in self.development_redirect_origins.split(",") if origin.strip()]
