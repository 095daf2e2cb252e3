"""An extract as a PDF that people can read: a heading for each part, a block for each thing in it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

from fpdf import FPDF

from companion.rules.local_time import local

Language = Literal["sv", "en"]
_FONT: Final = "Helvetica"
_TITLES: Final[Mapping[str, tuple[str, str]]] = {
    "title": ("Registerutdrag", "Extract of your data"),
    "nothing": ("Inga uppgifter.", "Nothing is kept."),
    "made_at": ("Sammanställt", "Made"),
    "person": ("Personuppgifter", "Personal data"),
    "record": ("Bokningar, kallelser, hälsodeklarationer, vaccinationer", "Bookings, summonses, declarations, doses"),
    "messages": ("Avslutade ärenden", "Closed cases"),
    "visits": ("Videobesökens kvalitet", "Technical quality of video visits"),
    "proxies": ("Ombud", "Proxies"),
    "blocks": ("Spärrar", "Blocks"),
    "block_liftings": ("Hävda spärrar", "Lifted blocks"),
    "consents": ("Samtycken", "Consents"),
    "care_relations": ("Registrerade vårdrelationer", "Registered care relations"),
    "emergency_accesses": ("Nödöppningar", "Emergency accesses"),
    "corrections": ("Begärda rättelser", "Corrections asked for"),
    "pregnancies": ("Önskemål om förlossningsklinik", "Wishes for a maternity clinic"),
    "offers": ("Erbjudanden", "Offers"),
    "looks": ("Vem som har använt uppgifterna", "Who has used the data"),
}
_LABELS: Final[Mapping[str, tuple[str, str]]] = {
    "name": ("Namn", "Name"),
    "identity_number": ("Personnummer", "Identity number"),
    "birth_date": ("Född", "Born"),
    "sex": ("Kön", "Sex"),
    "is_protected": ("Skyddad identitet", "Protected identity"),
    "street": ("Gatuadress", "Street"),
    "postal_code": ("Postnummer", "Postal code"),
    "city": ("Ort", "City"),
    "kind": ("Sort", "Kind"),
    "at": ("När", "When"),
    "unit": ("Mottagning", "Unit"),
    "what": ("Vad", "What"),
    "state": ("Läge", "State"),
    "starts_at": ("Börjar", "Begins"),
    "ends_at": ("Slutar", "Ends"),
    "case": ("Ärende", "Case"),
    "from": ("Från", "From"),
    "text": ("Text", "Text"),
    "files": ("Filer", "Files"),
    "is_withdrawn": ("Återtaget", "Withdrawn"),
    "who": ("Vem", "Who"),
    "action": ("Åtgärd", "Action"),
    "outcome": ("Utfall", "Outcome"),
    "wish": ("Önskemål", "Wish"),
    "reason": ("Skäl", "Reason"),
    "counterpart": ("Motpart", "Counterpart"),
    "role": ("Roll", "Role"),
}
_YES_NO: Final = {True: ("ja", "yes"), False: ("nej", "no")}


def render(content: Mapping[str, Any], language: Language) -> bytes:
    """The document; ``content`` is the extract's JSON."""
    index = 0 if language == "sv" else 1
    pdf = FPDF(format="A4")
    pdf.set_auto_page_break(True, margin=20)
    pdf.set_title(_TITLES["title"][index])
    pdf.set_lang(language)
    pdf.set_creation_date(datetime.fromisoformat(content["made_at"]))
    pdf.add_page()
    _line(pdf, _TITLES["title"][index], size=18, style="B")
    _line(pdf, f"{_TITLES['made_at'][index]} {_value(content['made_at'], index)}")
    for name, items in content["parts"].items():
        pdf.ln(4)
        _line(pdf, _TITLES.get(name, (name, name))[index], size=13, style="B")
        if not items:
            _line(pdf, _TITLES["nothing"][index])
        for item in items:
            pdf.ln(1.5)
            for key, value in item.items():
                if value not in (None, "", [], {}):
                    label = _LABELS.get(key, (key.replace("_", " "),) * 2)[index]
                    shown = _instant(value) if key == "at" and isinstance(value, int) else _value(value, index)
                    _line(pdf, f"{label}: {shown}", size=9)
    return bytes(pdf.output())


def _line(pdf: FPDF, text: str, *, size: int = 10, style: Literal["", "B"] = "") -> None:
    pdf.set_font(_FONT, style=style, size=size)
    latin = text.encode("latin-1", "replace").decode("latin-1")
    pdf.multi_cell(0, size * 0.5, latin, new_x="LMARGIN", new_y="NEXT")


def _value(value: Any, index: int) -> str:
    if isinstance(value, bool):
        return _YES_NO[value][index]
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_value(one, index)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(_value(one, index) for one in value)
    if isinstance(value, str) and len(value) > 18 and value[4:5] == "-" and value[10:11] == "T":
        try:
            return f"{local(datetime.fromisoformat(value)):%Y-%m-%d %H:%M}"
        except ValueError:
            return value
    return str(value)


def _instant(at_ms: int) -> str:
    return f"{local(datetime.fromtimestamp(at_ms / 1000, UTC)):%Y-%m-%d %H:%M}"
