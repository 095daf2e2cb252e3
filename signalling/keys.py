"""Secret keys of a front beside its token keys, from its settings: of the audit log, of person ids, of web push."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from auth.audit import AuditKeyError, AuditKeys
from auth.pseudonyms import PseudonymKeyError, Pseudonyms
from chat.web_push import load_private_key
from signalling.login_settings import LoginSettings
from signalling.message_settings import MessageSettings, MessageSettingsError


def load_audit_keys(settings: LoginSettings) -> AuditKeys | None:
    """The keys of the audit log's chain; None when none are set, ``AuditKeyError`` when they are unusable."""
    text = _text(settings.audit_key, settings.audit_key_file, "ALLTID_AUDIT_KEY_FILE", AuditKeyError)
    return AuditKeys.parse(text) if text is not None else None


def load_pseudonyms(settings: LoginSettings) -> Pseudonyms | None:
    """What makes person ids; None when no key is set, ``PseudonymKeyError`` when it is unusable."""
    text = _text(settings.pseudonym_key, settings.pseudonym_key_file, "ALLTID_PSEUDONYM_KEY_FILE", PseudonymKeyError)
    return Pseudonyms.parse(text) if text is not None else None


def load_vapid_key(settings: MessageSettings) -> ec.EllipticCurvePrivateKey | None:
    """The key for web push; None when none is set, ``MessageSettingsError`` when it is unusable."""
    text = _text(settings.vapid_key, settings.vapid_key_file, "ALLTID_VAPID_KEY_FILE", MessageSettingsError)
    if not text:
        return None
    try:
        return load_private_key(text)
    except ValueError as error:
        raise MessageSettingsError(str(error)) from None


def _text(value: SecretStr | None, path: Path | None, variable: str, error: type[ValueError]) -> str | None:
    if value is not None:
        return value.get_secret_value()
    if path is None:
        return None
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise error(f"{variable} cannot be read") from None
