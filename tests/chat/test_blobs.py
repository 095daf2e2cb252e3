"""Keys of blobs: digests and nothing else."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.blobs import BlobKey, conversation_digest


def test_the_same_bytes_have_one_key_in_a_conversation_and_another_in_the_next() -> None:
    key = BlobKey.of("case-1", b"bytes")
    assert key == BlobKey.of("case-1", b"bytes")
    assert key.content == hashlib.sha256(b"bytes").hexdigest()
    assert key.conversation == conversation_digest("case-1") != BlobKey.of("case-2", b"bytes").conversation
    assert BlobKey.parse(str(key)) == key


@pytest.mark.attack
@pytest.mark.parametrize(
    "text",
    [
        "../../etc/passwd",
        "",
        "/",
        "a/b",
        f"{'a' * 64}/../{'b' * 64}",
        f"{'A' * 64}/{'b' * 64}",
        f"{'a' * 64}\n/{'b' * 64}",
    ],
)
def test_a_path_of_somebodys_is_no_key(text: str) -> None:
    with pytest.raises(ValueError, match="not two digests"):
        BlobKey.parse(text)


@given(st.text(), st.binary())
def test_whatever_an_id_holds_the_key_is_two_digests(conversation_id: str, data: bytes) -> None:
    text = str(BlobKey.of(conversation_id.encode("utf-8", "replace").decode(), data))
    assert set(text) <= set("0123456789abcdef/")
