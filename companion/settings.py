"""Settings of the companion, from the environment (``ALLTID_*``). docs/settings.md shows them."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class CompanionSettings(BaseSettings):
    """The companion: `python -m companion`."""

    model_config = SettingsConfigDict(env_prefix="ALLTID_", extra="ignore", frozen=True)

    companion_host: str = Field(default="127.0.0.1", description="Address that the companion listens on.")
    companion_port: int = Field(default=8082, ge=0, le=65535, description="Its port; 0 lets the system choose.")
    companion_database_url: str = Field(
        default="sqlite:///var/companion.db",
        description="`sqlite:///relative/path`, `sqlite:////absolute/path` or `postgresql://user@host/database`.",
    )
    companion_pool_size: int = Field(default=20, gt=0, description="Connections to PostgreSQL, per process.")
    companion_migrate: bool = Field(default=True, description="Bring the database's tables up to date at start.")
    companion_events_url: str = Field(
        default="", description="Where events go: `http://front:8080/api/companion/events`. Empty: they are kept."
    )
    companion_metrics_port: int = Field(
        default=-1, ge=-1, le=65535, description="HTTP port of `/metrics`; 0 any, -1 none."
    )
    companion_metrics_host: str = Field(default="127.0.0.1", description="Address that `/metrics` binds to.")
    companion_demo: bool = Field(
        default=False,
        description="Put invented units, people, slots and bookings into an empty database at start; needs "
        "`ALLTID_MODE=development`.",
    )
    token_keys: SecretStr | None = Field(
        default=None, description="Token signing keys, `kid:base64,...`; the first signs, all of them check."
    )
    token_keys_file: Path | None = Field(
        default=None, description="A file with the same, used when the above is unset."
    )
    audit_key: SecretStr | None = Field(
        default=None, description="Keys of the audit log's chain, `kid:base64,...`; the first links, all of them check."
    )
    retention: str = Field(
        default="",
        description="Other times than the table of retention says, `kind=time` with commas between, a time in `y`, `d` "
        "or `h`: `quality_record=30d,booking=12y`. None below what the law asks for.",
    )
    audit_kept_years: int = Field(
        default=5, ge=5, description="How long entries of the audit logs are kept; never less than five years."
    )
    audit_key_file: Path | None = Field(default=None, description="A file with the same, used when the above is unset.")
    pseudonym_key: SecretStr | None = Field(
        default=None, description="Key of the person ids, base64; kept as long as the data."
    )
    pseudonym_key_file: Path | None = Field(
        default=None, description="A file with the same, used when the above is unset."
    )

    hold_s: int = Field(default=300, ge=10, description="A slot is held for so long while somebody books it.")
    cancel_before_h: int = Field(
        default=24, ge=0, description="Patients cancel and move a booking so long before it, unless its type says else."
    )
    booking_reminder_before_h: int = Field(
        default=48,
        ge=0,
        description="Patients are reminded of a booking so long before it, while most can still cancel it; 0: not.",
    )
    invoice_from_age: int = Field(default=18, ge=0, description="Nobody younger is charged a fee for absence.")
    meeting_open_before_s: int = Field(
        default=900, ge=0, description="A video meeting is open so long before it begins; as at the front."
    )
    max_bookings_ahead: int = Field(
        default=20, ge=1, description="Bookings to come that one patient may have; more are made by staff."
    )
    lookups_per_minute: int = Field(
        default=20, ge=1, description="Patients that one staff member looks up by identity number in a minute."
    )
    lookups_per_day: int = Field(default=500, ge=1, description="The same in 24 hours.")
    custody_register_url: str = Field(
        default="",
        description="Where the custody register is asked for a child's guardians; empty: it tells by itself "
        "(`PUT /custody/{child_person_id}`).",
    )
    custody_register_token: SecretStr | None = Field(default=None, description="Bearer token for it.")
    custody_again_h: int = Field(
        default=24, ge=1, description="It is asked again about children for whom somebody acts after so many hours."
    )
    grant_max_days: int = Field(default=365, ge=1, description="A proxy's grant lasts no longer than so many days.")
    summons_letter_after_h: int = Field(
        default=48, ge=1, description="A summons that stays unread for so long becomes a letter."
    )
    summons_reminder_before_h: int = Field(
        default=72, ge=1, description="Who has not answered a summons is reminded so long before the visit or deadline."
    )
    maternity_reminder_before_days: int = Field(
        default=7, ge=0, description="Who has not wished for a maternity clinic is reminded so long before week 22+0."
    )
    care_relation_after_days: int = Field(
        default=180, ge=1, description="A unit that has seen a patient has a care relation with them for so long after."
    )
    care_relation_max_days: int = Field(
        default=365, ge=1, description="A care relation that staff register lasts no longer than so many days."
    )
    consent_max_days: int = Field(
        default=365, ge=1, description="A consent to read other care providers' records lasts no longer."
    )
    block_lifting_max_h: int = Field(
        default=168, ge=1, description="Blocks are lifted for one unit for no longer than so many hours."
    )
    emergency_access_h: int = Field(default=4, ge=1, description="An emergency access (nödöppning) lasts so long.")
    emergency_review_days: int = Field(
        default=7, ge=1, description="Somebody else reviews an emergency access within so many days."
    )
    companion_archive_dir: Path = Field(
        default=Path("var/companion-archive"),
        description="Where files of archived cases are kept (all companion processes must see it).",
    )
    archive_file_max_bytes: int = Field(
        default=64 * 1024 * 1024, gt=0, description="Largest file that the archive takes; no smaller than the front's."
    )
    extract_kept_days: int = Field(
        default=7, ge=1, description="An extract (registerutdrag) can be fetched for so long after it was made."
    )
    search_cache_s: float = Field(
        default=2.0,
        ge=0,
        description="How old a public answer about free slots may be. What the same process changes shows at once.",
    )
    log_level: str = Field(default="info", description="`debug`, `info`, `warning` or `error`.")
    log_format: str = Field(default="json", description="`json`, or `text` for people.")


class MissingKeyError(ValueError):
    """A key that the companion cannot do without is not configured."""


def secret_text(value: SecretStr | None, file: Path | None, name: str) -> str:
    """A secret from the environment, or from the file that it names."""
    if value is not None:
        return value.get_secret_value()
    if file is not None:
        return file.read_text(encoding="ascii")
    raise MissingKeyError(f"ALLTID_{name.upper()} or ALLTID_{name.upper()}_FILE is needed")
