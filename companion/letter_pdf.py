"""Letters as a PDF, one page or more for each, to be printed and put into window envelopes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from fpdf import FPDF

from companion.attached_pdf import joined
from companion.rules.local_time import local

_FONT: Final = "Helvetica"
_WINDOW: Final = (110.0, 45.0)
"""Where a window envelope (C5) shows the address, in millimetres."""
FORWARDED: Final = "Förmedlas av Skatteverket"
"""In the place of an address that is protected: the tax agency forwards the letter."""


@dataclass(frozen=True)
class LetterText:
    """What stands in one letter. ``repr`` is not to be logged."""

    recipient: tuple[str, ...]
    """Lines of the address."""
    sender: tuple[str, ...]
    title: str
    starts_at: datetime | None
    """None: the patient picks a time, until ``answer_until``."""
    answer_until: datetime
    preparation: str
    reference: str
    attachments: tuple[bytes, ...] = ()
    """PDF files whose pages follow it."""


def render(letters: Iterable[LetterText], day: date) -> bytes:
    """All of them in one file, each with its attachments behind it."""
    parts: list[bytes] = []
    for letter in letters:
        parts += [_one(letter, day), *letter.attachments]
    return joined(parts)


def _one(letter: LetterText, day: date) -> bytes:
    pdf = FPDF(format="A4")
    pdf.set_auto_page_break(True, margin=20)
    pdf.set_title("Brev")
    pdf.set_creation_date(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
    pdf.add_page()
    _write(pdf, letter, day)
    return bytes(pdf.output())


def _write(pdf: FPDF, letter: LetterText, day: date) -> None:
    pdf.set_font(_FONT, size=10)
    pdf.set_xy(20, 20)
    pdf.multi_cell(80, 5, _latin("\n".join(letter.sender)), new_x="LMARGIN", new_y="NEXT")
    pdf.set_font(_FONT, size=11)
    pdf.set_xy(*_WINDOW)
    pdf.multi_cell(80, 5.5, _latin("\n".join(letter.recipient)), new_x="LMARGIN", new_y="NEXT")
    pdf.set_xy(20, 90)
    pdf.set_font(_FONT, style="B", size=14)
    pdf.multi_cell(170, 8, _latin(letter.title), new_x="LMARGIN", new_y="NEXT")
    pdf.set_font(_FONT, size=11)
    body = [_when(letter), "", letter.preparation, "", f"{day.isoformat()}  {letter.reference}"]
    pdf.set_x(20)
    pdf.multi_cell(170, 6, _latin("\n".join(body)), new_x="LMARGIN", new_y="NEXT")


def _when(letter: LetterText) -> str:
    if letter.starts_at is not None:
        return f"Din tid: {local(letter.starts_at):%Y-%m-%d kl. %H:%M}"
    return f"Boka en tid senast {local(letter.answer_until):%Y-%m-%d}."


def _latin(text: str) -> str:
    """The standard fonts of PDF have the letters of Western Europe; others become a question mark."""
    return text.encode("latin-1", "replace").decode("latin-1")
