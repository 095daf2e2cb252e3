"""An extract as a PDF that people can read: a heading for each part, a block of labels and values for each thing in it.

Internal ids stand in the JSON and not here. Who has used the data is a long list: one line each.
"""

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

from fpdf import FPDF

from auth.permissions import TABLE, Action
from companion.extract_words import LABELS, LOOKED_AT, TITLES, USED, VALUES
from companion.rules.local_time import local

Language = Literal["sv", "en"]
_FONT: Final = "Helvetica"
_GREY: Final = 90
_LABEL_MM: Final = 48
_LINE_MM: Final = 4.6
_ROOM_MM: Final = 24
"""A block that would begin nearer to the foot of a page begins on the next one."""
_YES_NO: Final = {True: ("ja", "yes"), False: ("nej", "no")}
_FREE_TEXT: Final = frozenset({"answer", "excuse", "name", "preparation", "text", "title", "what", "wish", "case"})
"""What people have written is not translated."""
_INTERNAL: Final = frozenset({"chain"})
_NAMED: Final = frozenset({"unit_hsa_id", "provider_hsa_id", "clinic_hsa_id"})
_REPLACED: Final = str.maketrans({"–": "-", "—": "-", "’": "'", "‘": "'", "“": '"', "”": '"', "…": "...", "€": "EUR"})


class _Document(FPDF):
    """With a footer that says whose it is and which page."""

    def __init__(self, footer: str, page_word: str) -> None:
        super().__init__(format="A4")
        self._footer = footer
        self._page_word = page_word

    def footer(self) -> None:
        """At the foot of each page."""
        self.set_y(-14)
        self.set_font(_FONT, size=8)
        self.set_text_color(_GREY)
        self.cell(0, 5, _latin(f"{self._footer}   {self._page_word} {self.page_no()}/{{nb}}"), align="R")
        self.set_text_color(0)


def render(content: Mapping[str, Any], language: Language) -> bytes:
    """The document; ``content`` is the extract's JSON."""
    index = 0 if language == "sv" else 1
    parts: Mapping[str, Any] = content["parts"]
    whose = next(iter(parts.get("person") or [{}]))
    names: Mapping[str, str] = content.get("names", {})
    pdf = _Document(str(whose.get("identity_number") or ""), TITLES["page"][index])
    pdf.set_margins(20, 18)
    pdf.set_auto_page_break(True, margin=20)
    pdf.set_title(TITLES["title"][index])
    pdf.set_lang(language)
    pdf.set_creation_date(datetime.fromisoformat(content["made_at"]))
    pdf.add_page()
    _line(pdf, TITLES["title"][index], size=18, style="B")
    pdf.ln(1)
    _line(pdf, f"{TITLES['made_at'][index]} {_value('made_at', content['made_at'], index, names)}")
    provider = content.get("care_provider")
    if provider:
        _line(pdf, f"{TITLES['care_provider'][index]} {names.get(provider, provider)}")
    left_out = content.get("left_out", {}).get(language)
    if left_out:
        pdf.ln(2)
        _line(pdf, left_out)
    for name, items in parts.items():
        if items:
            _part(pdf, name, items, index, names)
    empty = [_title(name, index) for name, items in parts.items() if not items]
    if empty:
        pdf.ln(6)
        _line(pdf, f"{TITLES['empty'][index]}: {'; '.join(empty)}.", size=9)
    return bytes(pdf.output())


def _title(name: str, index: int) -> str:
    return TITLES.get(name, (name.replace("_", " ").capitalize(),) * 2)[index]


def _part(pdf: FPDF, name: str, items: list[dict[str, Any]], index: int, names: Mapping[str, str]) -> None:
    if pdf.will_page_break(_ROOM_MM + 18):  # a heading never stands alone
        pdf.add_page()
    pdf.ln(6)
    _line(pdf, _title(name, index), size=13, style="B")
    for item in items:
        if name == "looks":
            _look(pdf, item, index)
            continue
        if pdf.will_page_break(_ROOM_MM):
            pdf.add_page()
        pdf.ln(1.2)
        pdf.set_draw_color(210)
        pdf.line(pdf.l_margin, pdf.get_y(), pdf.w - pdf.r_margin, pdf.get_y())
        pdf.ln(1.2)
        for key, value in item.items():
            if value not in (None, "", [], {}) and (key in _NAMED or not key.endswith("_id")) and key not in _INTERNAL:
                _field(pdf, key, value, index, names)


def _field(pdf: FPDF, key: str, value: Any, index: int, names: Mapping[str, str]) -> None:
    label = LABELS.get(key, (key.replace("_", " ").capitalize(),) * 2)[index]
    top, page = pdf.get_y(), pdf.page
    pdf.set_font(_FONT, size=9)
    if pdf.will_page_break(_LINE_MM):
        pdf.add_page()
        top, page = pdf.get_y(), pdf.page
    pdf.set_text_color(_GREY)
    pdf.multi_cell(_LABEL_MM, _LINE_MM, _latin(label), align="L", new_x="LMARGIN", new_y="NEXT")
    below = pdf.get_y()
    pdf.set_text_color(0)
    pdf.set_xy(pdf.l_margin + _LABEL_MM, top)
    pdf.multi_cell(0, _LINE_MM, _latin(_value(key, value, index, names)), align="L", new_x="LMARGIN", new_y="NEXT")
    if pdf.page == page:
        pdf.set_y(max(pdf.get_y(), below))


def _look(pdf: FPDF, item: Mapping[str, Any], index: int) -> None:
    """When, who, where, and what they did: one line."""
    action, what = str(item.get("action", "")), str(item.get("what") or "")
    is_known = action in Action.__members__.values()
    verb = USED[is_known and TABLE[Action(action)].writes_patient_data][index]
    thing = (LOOKED_AT.get(what) or VALUES.get(what) or (what.replace("_", " "),) * 2)[index]
    outcome = str(item.get("outcome") or "")
    shown = [_word("who", str(item.get("who") or ""), index), str(item.get("unit") or ""), f"{verb} {thing}".strip()]
    shown.append("" if outcome == "allowed" else _word("outcome", outcome, index))
    text = f"{_value('at', item.get('at'), index, {})}   {', '.join(part for part in shown if part)}"
    pdf.set_font(_FONT, size=8.5)
    pdf.multi_cell(0, 4.2, _latin(text), align="L", new_x="LMARGIN", new_y="NEXT")


def _line(pdf: FPDF, text: str, *, size: int = 10, style: Literal["", "B"] = "") -> None:
    pdf.set_font(_FONT, style=style, size=size)
    pdf.multi_cell(0, size * 0.5, _latin(text), align="L", new_x="LMARGIN", new_y="NEXT")


def _latin(text: str) -> str:
    """The standard fonts of PDF have the letters of Western Europe. Of others the marks go, before the letter does."""
    kept = []
    for character in text.translate(_REPLACED):
        plain = character
        if not _is_latin(character):
            plain = "".join(one for one in unicodedata.normalize("NFKD", character) if _is_latin(one)) or "?"
        kept.append(plain)
    return "".join(kept)


def _is_latin(character: str) -> bool:
    return ord(character) < 256


def _value(key: str, value: Any, index: int, names: Mapping[str, str]) -> str:
    if isinstance(value, bool):
        return _YES_NO[value][index]
    if key == "amount_ore":
        return f"{value / 100:.2f} kr".replace(".", "," if index == 0 else ".")
    if key == "size_bytes":
        return f"{value} byte" if index == 0 or value == 1 else f"{value} bytes"
    if key == "at" and isinstance(value, int):
        return _shown(datetime.fromtimestamp(value / 1000, UTC))
    if key == "log":
        return "; ".join(f"{_value('at', at_ms, index, names)} {_word('', what, index)}" for at_ms, what in value)
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_value(key, one, index, names)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(_value(key, one, index, names) for one in value)
    if not isinstance(value, str):
        return str(value)
    if key in _NAMED:
        return names.get(value, value)
    if len(value) > 18 and value[4:5] == "-" and value[10:11] == "T":
        try:
            return _shown(datetime.fromisoformat(value))
        except ValueError:
            return value
    return value if key in _FREE_TEXT else _word(key, value, index)


def _word(key: str, code: str, index: int) -> str:
    known = VALUES.get(code)
    if known is not None:
        return known[index]
    is_code = key not in ("who", "from") and code.islower() and code.isascii() and "_" in code and " " not in code
    return code.replace("_", " ") if is_code else code


def _shown(at: datetime) -> str:
    return f"{local(at):%Y-%m-%d %H:%M}"
