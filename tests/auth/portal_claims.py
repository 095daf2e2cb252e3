"""A record system's request as it should be, for tests to change."""

from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from auth.record_systems import RecordSystem

NOW = 1_800_000_000.0
AUDIENCE = "alltid-oppet:portal"
ISSUER = "https://journal.example"
UNIT, PROVIDER = "SE5555555555-1001", "SE5555555555-0001"
OTHER_UNIT, OTHER_PROVIDER = "SE5566778899-2001", "SE5566778899-0001"
STAFF = "SE5555555555-K001"
LOA3 = "http://id.elegnamnden.se/loa/1.0/loa3"
SYSTEM = RecordSystem(ISSUER, "Journal", f"{ISSUER}/jwks", None, {UNIT: PROVIDER}, None)


def claims(**changes: Any) -> dict[str, Any]:
    """The claims with changes; None removes one."""
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": STAFF,
        "iat": int(NOW),
        "exp": int(NOW) + 60,
        "jti": "a-request-of-the-tests",
        "name": "Karin Lindvall",
        "acr": LOA3,
        "commissionHsaId": f"{UNIT}K01",
        "commissionName": "Vård och behandling",
        "commissionPurpose": "Vård och behandling",
        "healthCareUnitHsaId": UNIT,
        "healthCareUnitName": "Björkens vårdcentral",
        "healthCareProviderHsaId": PROVIDER,
    }
    return {key: value for key, value in (good | changes).items() if value is not None}


def signed(key: ECKey, **changes: Any) -> str:
    """The request as the record system sends it."""
    return jwt.encode({"alg": "ES256", "kid": key.kid}, claims(**changes), key, algorithms=["ES256"])
