"""What every request works with: the database, the clock, the settings."""

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from auth.audit import AuditKeys
from auth.pseudonyms import Pseudonyms
from auth.tokens import TokenKeys
from companion.database import Database
from companion.settings import CompanionSettings

_ID_BYTES = 16


@dataclass(frozen=True)
class Services:
    """One per process; in ``app.state.services``."""

    settings: CompanionSettings
    database: Database
    token_keys: TokenKeys
    audit_keys: AuditKeys
    pseudonyms: Pseudonyms
    clock: Callable[[], datetime]
    """The time, with its time zone."""


def new_id(prefix: str, random: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """An id that nobody can guess: the prefix, a hyphen and 26 base32 characters (128 bits)."""
    return f"{prefix}-{base64.b32encode(random(_ID_BYTES)).decode().rstrip('=').lower()}"
