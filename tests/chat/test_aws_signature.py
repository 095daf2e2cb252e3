"""Our signatures are those of botocore, and that of Amazon's own example."""

import hashlib
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import botocore.auth
import botocore.credentials
from botocore.awsrequest import AWSRequest
from hypothesis import given
from hypothesis import strategies as st

from chat.aws_signature import Credentials, encoded_path, encoded_query, signed_headers

NOW = datetime(2026, 11, 23, 12, 30, 15, tzinfo=UTC)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20)


def test_amazons_example_of_a_ranged_get() -> None:
    # "Example: GET Object" of the S3 API reference's page about the Authorization header.
    headers = signed_headers(
        Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        method="GET",
        host="examplebucket.s3.amazonaws.com",
        path="/test.txt",
        query={},
        payload_sha256=hashlib.sha256(b"").hexdigest(),
        now=datetime(2013, 5, 24, tzinfo=UTC),
        extra={"Range": "bytes=0-9"},
    )
    assert headers["authorization"].endswith("f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")


@given(
    TEXT,
    st.dictionaries(TEXT.filter(bool), TEXT, max_size=4),
    st.binary(max_size=50),
    st.sampled_from(["GET", "PUT", "DELETE"]),
)
def test_the_same_signature_as_botocores(name: str, query: dict[str, str], body: bytes, method: str) -> None:
    path = f"/bucket/{name}"
    digest = hashlib.sha256(body).hexdigest()
    ours = signed_headers(
        Credentials("key", "secret", "eu-north-1"),
        method=method, host="store.example:9000", path=path, query=query, payload_sha256=digest, now=NOW,
    )  # fmt: skip
    url = f"https://store.example:9000{encoded_path(path)}"
    request: Any = AWSRequest(method=method, url=f"{url}?{encoded_query(query)}" if query else url, data=body)
    signer = botocore.auth.S3SigV4Auth(botocore.credentials.Credentials("key", "secret"), "s3", "eu-north-1")
    with mock.patch("botocore.auth.get_current_datetime", return_value=NOW.replace(tzinfo=None)):
        signer.add_auth(request)
    assert (
        ours["authorization"].rpartition("Signature=")[2]
        == request.headers["Authorization"].rpartition("Signature=")[2]
    )
    assert ours["x-amz-date"] == request.headers["X-Amz-Date"]


def test_repr_shows_no_secret() -> None:
    assert "secret" not in repr(Credentials("key", "secret"))
