"""Settings of logins, sessions and the audit log: a part of the front's settings."""

from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from auth.oidc import Provider, is_endpoint

_SWEDISH_LEVELS = " ".join(
    f"http://id.{name}/loa{level}={level}" for name in ("elegnamnden.se/loa/1.0", "sambi.se/loa") for level in (2, 3, 4)
)


class LoginSettings(BaseSettings):
    """Who can log in where, and for how long."""

    public_url: str = Field(
        default="",
        description="Address under which browsers reach this service (`https://care.example`). With `https`, "
        "browsers are told to use nothing else. Unset: as each request says, which does for one machine.",
    )
    proxy_hops: int = Field(
        default=0, ge=0, le=8, description="Proxies of ours in front, each of which appends to `X-Forwarded-For`."
    )

    patient_issuer: str = Field(default="", description="OpenID Connect issuer for patients; empty: no such logins.")
    patient_client_id: str = Field(default="alltid-oppet", description="Our client id there.")
    patient_client_secret: SecretStr | None = Field(default=None, description="Our secret there; unset: PKCE alone.")
    patient_scope: str = Field(
        default="openid profile https://id.oidc.se/scope/naturalPersonNumber", description="Scopes to ask for."
    )
    patient_min_loa: int = Field(default=3, ge=1, le=4, description="Lowest level of assurance of a patient's login.")
    patient_number_claims: str = Field(
        default="https://id.oidc.se/claim/personalIdentityNumber https://id.oidc.se/claim/coordinationNumber",
        description="Claims that may hold a patient's identity number, separated by blanks; the first that is there "
        "counts.",
    )
    staff_issuer: str = Field(default="", description="OpenID Connect issuer for staff; empty: no such logins.")
    staff_client_id: str = Field(default="alltid-oppet", description="Our client id there.")
    staff_client_secret: SecretStr | None = Field(default=None, description="Our secret there; unset: PKCE alone.")
    staff_scope: str = Field(default="openid profile commission", description="Scopes to ask for.")
    staff_min_loa: int = Field(default=3, ge=1, le=4, description="Lowest level of assurance of a staff login.")
    acr_levels: str = Field(
        default=_SWEDISH_LEVELS,
        description="What the providers call their levels of assurance: `acr=level`, separated by blanks.",
    )
    login_timeout_s: float = Field(default=5.0, gt=0, description="How long a provider may take for each answer.")
    logins_per_minute: float = Field(
        default=600.0,
        gt=0,
        description="Logins that one network address may begin per minute, and twice as many at once (a hospital may "
        "share one address).",
    )

    session_idle_s: int = Field(
        default=1800, ge=60, description="A session without requests ends after this long. A meeting counts as use."
    )
    session_absolute_s: int = Field(
        default=12 * 3600, ge=60, description="A session ends this long after its login, whatever happens."
    )

    pseudonym_key: SecretStr | None = Field(
        default=None, description="Key (base64, 32 bytes or more) that makes person ids of identity numbers."
    )
    pseudonym_key_file: Path | None = Field(
        default=None, description="A file with the same, used when the above is unset."
    )
    audit_key: SecretStr | None = Field(
        default=None,
        description="Keys of the audit log's chain, `kid:base64,...`; the first links. Without any, whatever must be "
        "audited is refused.",
    )
    audit_key_file: Path | None = Field(default=None, description="A file with the same, used when the above is unset.")

    @field_validator("public_url")
    @classmethod
    def _is_an_origin(cls, value: str) -> str:
        scheme, separator, rest = value.rstrip("/").partition("://")
        if value and (scheme not in ("http", "https") or not separator or not rest or "/" in rest):
            raise ValueError("an origin: scheme, host and port, no path")
        return value.rstrip("/")

    @field_validator("patient_issuer", "staff_issuer")
    @classmethod
    def _is_reached_safely(cls, value: str) -> str:
        if value and not is_endpoint(value):
            raise ValueError("an https address (or one of this machine)")
        return value

    @field_validator("acr_levels")
    @classmethod
    def _has_levels(cls, value: str) -> str:
        read_levels(value)
        return value


def read_levels(text: str) -> dict[str, int]:
    """``name=level`` items separated by blanks; ``ValueError`` otherwise."""
    levels = {}
    for item in text.split():
        name, separator, level = item.rpartition("=")
        if not separator or level not in ("1", "2", "3", "4"):
            raise ValueError("levels of assurance are written acr=level, 1 to 4")
        levels[name] = int(level)
    return levels


def patient_provider(settings: LoginSettings) -> Provider | None:
    """The patients' provider, if there is one."""
    secret = settings.patient_client_secret
    return _provider(
        settings, settings.patient_issuer, settings.patient_client_id, secret, settings.patient_scope,
        settings.patient_min_loa,
    )  # fmt: skip


def staff_provider(settings: LoginSettings) -> Provider | None:
    """The staff's provider, if there is one."""
    secret = settings.staff_client_secret
    return _provider(
        settings, settings.staff_issuer, settings.staff_client_id, secret, settings.staff_scope, settings.staff_min_loa
    )


def _provider(
    settings: LoginSettings, issuer: str, client_id: str, secret: SecretStr | None, scope: str, min_level: int
) -> Provider | None:
    if not issuer:
        return None
    return Provider(
        issuer=issuer,
        client_id=client_id,
        client_secret=None if secret is None else secret.get_secret_value(),
        scope=scope,
        acr_levels=read_levels(settings.acr_levels),
        min_level=min_level,
    )
