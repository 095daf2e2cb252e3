"""Secret keys of a front beside its token keys: the audit log's keys and the key of person ids, from its settings."""

from pathlib import Path

from pydantic import SecretStr

from auth.audit import AuditKeyError, AuditKeys
from auth.pseudonyms import PseudonymKeyError, Pseudonyms
from signalling.login_settings import LoginSettings


def load_audit_keys(settings: LoginSettings) -> AuditKeys | None:
    """The keys of the audit log's chain; None when none are set, ``AuditKeyError`` when they are unusable."""
    text = _text(settings.audit_key, settings.audit_key_file, "ALLTID_AUDIT_KEY_FILE", AuditKeyError)
    return AuditKeys.parse(text) if text is not None else None


def load_pseudonyms(settings: LoginSettings) -> Pseudonyms | None:
    """What makes person ids; None when no key is set, ``PseudonymKeyError`` when it is unusable."""
    text = _text(settings.pseudonym_key, settings.pseudonym_key_file, "ALLTID_PSEUDONYM_KEY_FILE", PseudonymKeyError)
    return Pseudonyms.parse(text) if text is not None else None


def _text(value: SecretStr | None, path: Path | None, variable: str, error: type[ValueError]) -> str | None:
    if value is not None:
        return value.get_secret_value()
    if path is None:
        return None
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise error(f"{variable} cannot be read") from None
