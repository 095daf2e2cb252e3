"""What notices say: templates in Swedish and English, and the kinds of their parameters. There is no free text.

A new template is read by people before it is released; the linter reads each rendering of it again.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from chat.notice_linter import NoticeRefusedError, check
from chat.opening_hours import STOCKHOLM

Language = Literal["sv", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
TemplateId = Literal[
    "new_message",
    "case_closed",
    "meeting_reminder",
    "meeting_changed",
    "booking_made",
    "booking_moved",
    "booking_cancelled",
    "booking_reminder",
    "summons",
    "summons_reminder",
    "place_offered",
    "question",
    "question_reminder",
    "offer",
    "decision",
    "ready",
    "confirm_code",
]
TEMPLATE_IDS: Final[tuple[TemplateId, ...]] = get_args(TemplateId)

SENDER_NAME: Final = "Alltid öppet"
NEUTRAL_UNIT: Final[Mapping[Language, str]] = {"sv": "din vårdkontakt", "en": "your care contact"}
"""For units whose own name would say too much, and for people with a protected identity."""
MAX_UNIT_CHARACTERS: Final = 60


@dataclass(frozen=True)
class Rendered:
    """What goes out. ``repr`` shows none of it."""

    subject: str
    """Of e-mail and push; SMS have none."""
    text: str

    def __repr__(self) -> str:
        return "Rendered()"


@dataclass(frozen=True)
class Wording:
    """A template in one language; ``{name}`` stands for a parameter."""

    subject: str
    text: str


TEMPLATES: Final[Mapping[TemplateId, Mapping[Language, Wording]]] = {
    "new_message": {
        "sv": Wording("Nytt meddelande", "Du har ett nytt meddelande från {unit}. Logga in på {address} och läs det."),
        "en": Wording("New message", "You have a new message from {unit}. Log in at {address} to read it."),
    },
    "case_closed": {
        "sv": Wording("Ärende avslutat", "{unit} har avslutat ditt ärende. Logga in på {address} om du undrar något."),
        "en": Wording("Conversation ended", "{unit} has ended your conversation. Questions? Log in at {address}."),
    },
    "meeting_reminder": {
        "sv": Wording("Påminnelse", "Påminnelse: du har ett möte med {unit} {when}. Logga in på {address}."),
        "en": Wording("Reminder", "Reminder: you have a meeting with {unit}, {when}. Log in at {address}."),
    },
    "meeting_changed": {
        "sv": Wording(
            "Ändrat möte", "Ett möte med {unit} har ändrats. Logga in på {address} för att se vad som gäller."
        ),
        "en": Wording("Meeting changed", "A meeting with {unit} has changed. Log in at {address} to see how."),
    },
    "booking_made": {
        "sv": Wording("Bokad tid", "Du har en tid hos {unit} {when}. Logga in på {address} för att se mer."),
        "en": Wording("Your booking", "You have a time with {unit}, {when}. Log in at {address} to see more."),
    },
    "booking_moved": {
        "sv": Wording("Ändrad tid", "Din tid hos {unit} är nu {when}. Logga in på {address} för att se mer."),
        "en": Wording("Changed time", "Your time with {unit} is now {when}. Log in at {address} to see more."),
    },
    "booking_cancelled": {
        "sv": Wording("Avbokad tid", "Din tid hos {unit} {when} är avbokad. Logga in på {address} för att se mer."),
        "en": Wording(
            "Cancelled time", "Your time with {unit}, {when}, is cancelled. Log in at {address} to see more."
        ),
    },
    "booking_reminder": {
        "sv": Wording(
            "Påminnelse", "Påminnelse: du har en tid hos {unit} {when}. Logga in på {address} för att se mer."
        ),
        "en": Wording("Reminder", "Reminder: you have a time with {unit}, {when}. Log in at {address} to see more."),
    },
    "summons": {
        "sv": Wording("Kallelse", "Du har en kallelse från {unit}. Logga in på {address} och läs den."),
        "en": Wording("Summons", "{unit} asks you to come. Log in at {address} to read more."),
    },
    "summons_reminder": {
        "sv": Wording("Påminnelse", "Påminnelse: {unit} väntar på svar på en kallelse. Logga in på {address}."),
        "en": Wording("Reminder", "Reminder: {unit} waits for an answer from you. Log in at {address}."),
    },
    "place_offered": {
        "sv": Wording("Ledig tid", "{unit} har en ledig tid som hålls åt dig en kort stund. Logga in på {address}."),
        "en": Wording("Free time", "{unit} has a free time and holds it for you for a while. Log in at {address}."),
    },
    "question": {
        "sv": Wording("En fråga till dig", "{unit} har en fråga till dig. Logga in på {address} och svara."),
        "en": Wording("A question for you", "{unit} has a question for you. Log in at {address} to answer."),
    },
    "question_reminder": {
        "sv": Wording("Påminnelse", "Påminnelse: {unit} väntar på ditt svar. Logga in på {address}."),
        "en": Wording("Reminder", "Reminder: {unit} waits for your answer. Log in at {address}."),
    },
    "offer": {
        "sv": Wording("Ett erbjudande", "{unit} har ett erbjudande till dig. Logga in på {address} och läs det."),
        "en": Wording("An offer", "{unit} has an offer for you. Log in at {address} to read it."),
    },
    "decision": {
        "sv": Wording("Besked", "Du har ett besked från {unit}. Logga in på {address} och läs det."),
        "en": Wording("A decision", "{unit} has decided something for you. Log in at {address} to read it."),
    },
    "ready": {
        "sv": Wording("Klart att hämta", "Det du har beställt är klart. Logga in på {address} och hämta det."),
        "en": Wording("Ready", "What you have ordered is ready. Log in at {address} to fetch it."),
    },
    "confirm_code": {
        "sv": Wording("Kod", "Din kod är {code}. Lämna den inte till någon."),
        "en": Wording("Code", "Your code is {code}. Give it to nobody."),
    },
}

_PLACES: Final = re.compile(r"{(\w+)}")
_ADDRESS: Final = re.compile(r"https?://[A-Za-z0-9.:\[\]-]{1,255}(?:/cases/case-[a-z2-7]{26})?")
"""The service's own address, or that of one case there: its id says nothing to anybody but its patient."""
_CODE: Final = re.compile(r"\d{6}")


def _unit(value: str) -> bool:
    return 0 < len(value) <= MAX_UNIT_CHARACTERS and not re.search(r"[\n{}]|https?:|www\.|\d{4}", value)


def _address(value: str) -> bool:
    return bool(_ADDRESS.fullmatch(value))


def _when(value: str) -> bool:
    try:
        datetime.strptime(value, "%Y-%m-%d %H:%M").replace(tzinfo=STOCKHOLM)
    except ValueError:
        return False
    return True


KINDS: Final[Mapping[str, Callable[[str], bool]]] = {
    "unit": _unit,
    "address": _address,
    "when": _when,
    "code": lambda value: bool(_CODE.fullmatch(value)),
}
"""Parameter -> may this be its value? ``address`` is the service's own; ``when`` is local, as 2026-11-23 14:30."""


def parameters_of(template_id: TemplateId) -> frozenset[str]:
    """The parameters that a template needs, in any language."""
    return frozenset(_PLACES.findall(TEMPLATES[template_id]["sv"].text))


def is_neutral_unit(name: str) -> bool:
    """May a unit's name stand in a notice?"""
    if not _unit(name):
        return False
    try:
        check(name)
    except NoticeRefusedError:
        return False
    return True


def render(template_id: str, language: Language, parameters: Mapping[str, str]) -> Rendered:
    """Subject and text; ``NoticeRefusedError`` for what is no template with its parameters, or not neutral."""
    if template_id not in TEMPLATES:
        raise NoticeRefusedError(("unknown_template",))
    known: TemplateId = template_id  # type: ignore[assignment]  # just checked
    if set(parameters) != parameters_of(known):
        raise NoticeRefusedError(("parameters",))
    for name, value in parameters.items():
        if not KINDS[name](value):
            raise NoticeRefusedError((f"parameter_{name}",))
    wording = TEMPLATES[known][language]
    text = _PLACES.sub(lambda match: parameters[match[1]], wording.text)
    text = text[0].upper() + text[1:]
    check(text, own_address=parameters.get("address", ""))
    return Rendered(wording.subject, text)
