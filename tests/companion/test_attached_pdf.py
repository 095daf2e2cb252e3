"""Strangers' PDF files: their pages are kept, nothing else."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, TextStringObject

from companion.attached_pdf import MAX_PAGES, joined, rebuilt
from companion.errors import Problem


def pdf(pages: int = 1, *, password: str | None = None, hostile: bool = False) -> bytes:
    """A PDF of empty pages; a hostile one has a script, a note, an attached file, and says who made it."""
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(width=595, height=842)
    if hostile:
        script = {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert('x');")}
        writer.root_object[NameObject("/OpenAction")] = DictionaryObject(script)
        writer.add_attachment("evil.exe", b"MZ")
        writer.add_metadata({"/Author": "Kalle Anka"})
        link = DictionaryObject({NameObject("/Subtype"): NameObject("/Link"), NameObject("/A"): DictionaryObject()})
        writer.pages[0][NameObject("/Annots")] = ArrayObject([link])
        writer.pages[0][NameObject("/AA")] = DictionaryObject({NameObject("/O"): TextStringObject("run me")})
    if password is not None:
        writer.encrypt(password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_pages_are_kept_and_nothing_that_runs_or_tells() -> None:
    kept = rebuilt(pdf(3, hostile=True))
    reader = PdfReader(io.BytesIO(kept))
    assert len(reader.pages) == 3
    for part in (b"app.alert", b"JavaScript", b"evil.exe", b"Kalle", b"/Annots", b"/AA", b"/Names", b"/OpenAction"):
        assert part not in kept


@pytest.mark.attack
@pytest.mark.parametrize(
    "content",
    [b"", b"%PDF-", b"%PDF-1.7\nnothing", b"<html>", b"PK\x03\x04", b"%PDF-1.4\n" + b"[" * 100_000, pdf()[:200]],
    ids=["empty", "a-head-alone", "no-structure", "html", "zip", "deeply-nested", "cut-off"],
)
def test_what_is_no_pdf_is_refused_by_code(content: bytes) -> None:
    with pytest.raises(Problem) as refused:
        rebuilt(content)
    assert refused.value.code == "attachment_invalid"


@pytest.mark.attack
def test_a_locked_one_and_a_book_are_refused() -> None:
    for content in (pdf(password="secret"), pdf(MAX_PAGES + 1)):
        with pytest.raises(Problem):
            rebuilt(content)
    assert rebuilt(pdf(MAX_PAGES))


@pytest.mark.attack
@settings(max_examples=60)
@given(st.data())
def test_a_damaged_one_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(pdf(2))
    for _ in range(data.draw(st.integers(1, 20))):
        content[data.draw(st.integers(5, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert rebuilt(bytes(content)).startswith(b"%PDF-")
    except Problem as refused:
        assert refused.code == "attachment_invalid"  # noqa: PT017  # either way is right


def test_several_follow_each_other() -> None:
    assert len(PdfReader(io.BytesIO(joined([pdf(1), pdf(50), pdf(2)]))).pages) == 53
