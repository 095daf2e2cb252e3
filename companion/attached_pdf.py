"""PDF files that go with a summons: taken apart and put together anew, and printed behind its letter.

Only pages are kept. What a PDF may bring beside them - scripts, actions, forms, embedded files, who wrote it - stays
behind, so that a patient's reader has nothing to run and nothing tells who prepared it.
"""

import io
from collections.abc import Iterable
from typing import Final

from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject

from companion.errors import Problem
from companion.rules.summons import ATTACHMENT_INVALID

MAX_PAGES: Final = 40
"""It is printed and posted."""
_PAGE_EXTRAS: Final = ("/Annots", "/AA", "/Metadata", "/PieceInfo", "/AF", "/Thumb")
"""Of a page: links, forms and notes; actions; what programs left there; attached files; previews."""


def rebuilt(content: bytes) -> bytes:
    """The same pages in a new file; ``Problem`` (attachment_invalid) when it is no PDF, is locked, or is too long."""
    if not content.startswith(b"%PDF-"):
        raise Problem(ATTACHMENT_INVALID, detail="not a PDF")
    try:
        return _joined([content])
    except Problem:
        raise
    except Exception as error:  # whatever the reader stumbles over in a stranger's file is the file's fault
        raise Problem(ATTACHMENT_INVALID, detail=type(error).__name__) from None


def joined(files: Iterable[bytes]) -> bytes:
    """Several that were rebuilt or made here, one after the other, in one file."""
    return _joined(files, max_pages=None)


def _joined(files: Iterable[bytes], max_pages: int | None = MAX_PAGES) -> bytes:
    writer = PdfWriter()
    for content in files:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted:
            raise Problem(ATTACHMENT_INVALID, detail="locked by a password")
        count = len(reader.pages)
        if count == 0 or (max_pages is not None and count > max_pages):
            raise Problem(ATTACHMENT_INVALID, detail=f"{count} pages")
        for page in reader.pages:
            for key in _PAGE_EXTRAS:
                page.pop(NameObject(key), None)
            writer.add_page(page)
    writer.metadata = None
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
