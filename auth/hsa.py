"""HSA-ids: the names of staff, units, care providers and commissions in the national directory (Katalogtjänst HSA).

``SE`` and the ten digits of the directory owner's organisation number, a hyphen, then letters and digits; at most 31
characters in all. Test directories write ``TSTNMT`` for ``SE``. Compared and stored in capitals.
"""

import re
from typing import Final

HSA_OID: Final = "1.2.752.29.4.19"
HSA_SYSTEM: Final = f"urn:oid:{HSA_OID}"
"""FHIR's ``Identifier.system``."""
MAX_HSA_ID_CHARACTERS: Final = 31

_HSA_ID = re.compile(r"(?:SE|TSTNMT)[0-9]{10}-[0-9A-Z]+")


class HsaIdError(ValueError):
    """Not an HSA-id (code ``format``). Never quotes what was read."""

    def __init__(self) -> None:
        super().__init__("format")
        self.code = "format"


def parse(text: str) -> str:
    """The HSA-id in capitals, without blanks around it; ``HsaIdError`` when it is none."""
    if len(text) <= 2 * MAX_HSA_ID_CHARACTERS and text.isascii():
        hsa_id = text.strip().upper()
        if len(hsa_id) <= MAX_HSA_ID_CHARACTERS and _HSA_ID.fullmatch(hsa_id):
            return hsa_id
    raise HsaIdError


def organisation_number(hsa_id: str) -> str:
    """The directory owner's organisation number of a parsed HSA-id, ten digits."""
    return hsa_id.partition("-")[0][-10:]


def is_test(hsa_id: str) -> bool:
    """Whether a parsed HSA-id comes from a test directory."""
    return hsa_id.startswith("TSTNMT")
