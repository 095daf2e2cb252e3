"""AWS Signature Version 4 for S3 requests, over the headers. Pure: the time is an argument.

As in "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk" of the Amazon S3
API reference. The tests hold it against botocore's.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote

ALGORITHM: Final = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Credentials:
    """An access key of an S3 store. ``repr`` shows no secret."""

    access_key_id: str
    secret_access_key: str
    region: str = "us-east-1"

    def __repr__(self) -> str:
        return f"Credentials({self.region!r})"


def encoded_path(path: str) -> str:
    """A path as it is sent and signed: everything but unreserved characters and slashes is encoded, once."""
    return quote(path, safe="/-_.~")


def encoded_query(query: Mapping[str, str]) -> str:
    """A query as it is sent and signed: encoded, in the order of the names."""
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def signed_headers(
    credentials: Credentials,
    *,
    method: str,
    host: str,
    path: str,
    query: Mapping[str, str],
    payload_sha256: str,
    now: datetime,
    extra: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The headers to send, ``extra`` among them: ``Authorization``, ``x-amz-date`` and ``x-amz-content-sha256``.

    ``now`` is in UTC; ``payload_sha256`` is the digest of the body in hexadecimal.
    """
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    headers = {name.lower(): " ".join(value.split()) for name, value in (extra or {}).items()}
    headers |= {"host": host, "x-amz-content-sha256": payload_sha256, "x-amz-date": stamp}
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = "\n".join([method, encoded_path(path), encoded_query(query), lines, names, payload_sha256])
    scope = f"{stamp[:8]}/{credentials.region}/s3/aws4_request"
    to_sign = "\n".join([ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{credentials.secret_access_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    credential = f"{credentials.access_key_id}/{scope}"
    authorization = f"{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return headers | {"authorization": authorization}
