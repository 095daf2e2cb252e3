"""Keys of blobs: digests and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.blobs import BlobKey, conversation_digest


def test_a_key_depends_on_conversation_attachment_and_content() -> None:
    key = BlobKey.of("case-1", "att-1", b"bytes")
    assert key == BlobKey.of("case-1", "att-1", b"bytes")
    assert key.conversation == BlobKey.of("case-1", "att-2", b"other").conversation == conversation_digest("case-1")
    others = {BlobKey.of("case-1", "att-1", b"byte"), BlobKey.of("case-1", "att-2", b"bytes")}
    assert key.content not in {other.content for other in others}
    assert key.conversation != BlobKey.of("case-2", "att-1", b"bytes").conversation
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


@given(st.tuples(st.text(), st.text()), st.binary())
def test_whatever_ids_hold_the_key_is_two_digests(ids: tuple[str, str], data: bytes) -> None:
    text = str(BlobKey.of(*ids, data))
    assert set(text) <= set("0123456789abcdef/")
