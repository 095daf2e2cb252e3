"""Takes personal data out of what is about to be logged. Pure functions; ``sfu/logs.py`` applies them.

The rule is that nobody passes personal data to a log. This is the net below: values of keys that name people or
secrets are dropped, texts lose what looks like an identity number, an HSA-id, a person id, an e-mail address, a
telephone number or a secret, and objects are shown by their type, since their ``repr`` may quote anything. When in
doubt something is removed: a log line that says less is better than one that says who.
"""

import re
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any, Final

REMOVED: Final = "[removed]"
MAX_TEXT_CHARACTERS: Final = 2000
"""Longer texts are cut before they are searched."""
MAX_DEPTH: Final = 4
MAX_ITEMS: Final = 50

FORBIDDEN_KEYS: Final = frozenset(
    {
        "access_token",
        "actor",
        "address",
        "answer",
        "assertion",
        "authorization",
        "claims",
        "client_secret",
        "cookie",
        "csrf_token",
        "display_name",
        "email",
        "family_name",
        "given_name",
        "id_token",
        "identity",
        "identity_number",
        "ip",
        "link",
        "logout_token",
        "name",
        "number",
        "offer",
        "password",
        "patient",
        "person_id",
        "personnummer",
        "phone",
        "refresh_token",
        "remote",
        "resume_token",
        "secret",
        "set_cookie",
        "sub",
        "subject",
        "subject_name",
        "text",
        "title",
        "token",
    }
)
"""Keys whose values never appear, in any case and with ``-`` for ``_``."""

_NOT_BEFORE, _NOT_AFTER = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
_DAY = r"(?:0[1-9]|[12][0-9]|3[01]|6[1-9]|[78][0-9]|9[01])"
_MONTH = r"(?:0[1-9]|1[0-2])"
_MONTH_AND_DAY = re.compile(_MONTH + _DAY)


def _looks_random(match: re.Match[str]) -> str:
    """A long run of letters and digits is a secret, unless it is all of one case, as names and hashes are."""
    run = match[0]
    kinds = (str.isupper, str.islower, str.isdigit)
    return "[secret]" if all(any(is_kind(one) for one in run) for is_kind in kinds) else run


_PATTERNS: Final[tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]] = (
    (re.compile(r"eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)*"), "[token]"),
    (re.compile(r"(?i)\b(?:bearer|basic) [\w.~+/=-]+"), "[token]"),
    (
        re.compile(
            r"(?i)\b(\w*(?:token|secret|password|assertion|session|cookie|link|ticket|launch)|code|state|nonce)=[^\s&;,]+"
        ),
        r"\1=[secret]",
    ),
    (re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"), "[e-mail]"),
    (re.compile(_NOT_BEFORE + r"(?:SE|TSTNMT)[0-9]{10}-[0-9A-Za-z]+"), "[hsa-id]"),
    (re.compile(_NOT_BEFORE + r"p-[a-z2-7]{26}" + _NOT_AFTER), "[person]"),
    # personnummer and samordningsnummer with and without century, reserve numbers with letters, Stockholm's
    (
        re.compile(_NOT_BEFORE + rf"(?:[0-9]{{2}})?[0-9]{{2}}{_MONTH}{_DAY}[-+\u2013 ]?[0-9]{{4}}" + _NOT_AFTER),
        "[identity number]",
    ),
    (re.compile(_NOT_BEFORE + r"[0-9]{8}-?[A-Z]{2}[0-9A-Z][0-9]" + _NOT_AFTER), "[identity number]"),
    (re.compile(_NOT_BEFORE + r"99(?:19|20|21|22)[0-9]{8}" + _NOT_AFTER), "[identity number]"),
    (re.compile(r"(?<![0-9A-Za-z])(?:\+|00)[1-9](?:[ ()/-]{0,2}[0-9]){6,14}" + _NOT_AFTER), "[phone]"),
    (re.compile(r"(?<![0-9A-Za-z.:_-])0[1-9][0-9]{0,2}(?:[ /-]{0,3}[0-9]){5,9}" + _NOT_AFTER), "[phone]"),
    (re.compile(r"(?<![\w+-])[\w+=-]{40,}"), _looks_random),
)


def scrub_text(text: str) -> str:
    """The text without what looks like personal data or a secret."""
    shown = text if len(text) <= MAX_TEXT_CHARACTERS else text[:MAX_TEXT_CHARACTERS] + "..."
    for pattern, replacement in _PATTERNS:
        shown = pattern.sub(replacement, shown)
    return shown


def scrub(value: Any, depth: int = 0) -> Any:
    """A value as it may be logged: plain data, with forbidden keys emptied and texts scrubbed."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return REMOVED if _is_identity_number(value) else value
    if isinstance(value, str):
        return scrub_text(value.value if isinstance(value, Enum) else value)
    if isinstance(value, PurePath):
        return scrub_text(str(value))
    if depth < MAX_DEPTH:
        if isinstance(value, Mapping):
            return scrub_fields(value, depth)
        if isinstance(value, list | tuple | set | frozenset):
            return [scrub(one, depth + 1) for one in list(value)[:MAX_ITEMS]]
    return f"<{type(value).__name__}>"


def scrub_fields(fields: Mapping[Any, Any], depth: int = 0) -> dict[str, Any]:
    """Named values as they may be logged."""
    shown = {}
    for key, value in list(fields.items())[:MAX_ITEMS]:
        name = scrub_text(str(key))
        is_forbidden = name.lower().replace("-", "_") in FORBIDDEN_KEYS
        shown[name] = REMOVED if is_forbidden and value is not None else scrub(value, depth + 1)
    return shown


def _is_identity_number(value: int) -> bool:
    """Numbers are rarely anything else than counts and times, so here the check digit decides."""
    digits = str(abs(value))
    if len(digits) == 12 and digits.startswith("99"):
        return _has_check_digit(digits[4:])
    if len(digits) not in (9, 10, 12):
        return False
    last_ten = digits.zfill(10)[-10:]
    return _MONTH_AND_DAY.fullmatch(last_ten[2:6]) is not None and _has_check_digit(last_ten)


def _has_check_digit(digits: str) -> bool:
    """Luhn, modulus 10."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0
