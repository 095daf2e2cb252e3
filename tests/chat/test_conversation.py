"""Who may read and write which conversation, by kind, person and tenant."""

import pytest

from auth.permissions import ACR_TOKEN, LOA2, LOA3
from auth.principal import Commission, Kind, Principal, ProxyScope
from chat.conversation import Conversation, from_fields, kind_of, may_read, may_write, to_fields
from chat.errors import ChatError

CASE = Conversation("case-1", "provider", "unit", "p-anna")
NOTES = Conversation("notes-1", "provider", "unit", "p-anna")
CHANNEL = Conversation("staff-1", "provider", "unit", member_ids=frozenset({"SE-9"}))
MEETING = Conversation("meeting-m1", meeting_id="m1")


def staff(unit: str = "unit", provider: str = "provider", actor: str = "SE-1", acr: str = LOA3) -> Principal:
    commission = Commission("c", unit, provider, "Unit", frozenset({"staff"}))
    return Principal("staff", frozenset({"staff"}), actor, None, "Sara", frozenset(), commission, None, acr, 0, "grant")


def patient(subject: str = "p-anna", actor: str = "", *scopes: ProxyScope) -> Principal:
    role = "proxy" if actor else "patient"
    return Principal(
        "patient", frozenset({role}), actor or subject, subject, "Anna", frozenset(scopes), None, None, LOA3, 0, "grant"
    )  # type: ignore[arg-type]


def in_meeting(kind: Kind, meeting_id: str = "m1") -> Principal:
    subject = "p-anna" if kind == "patient" else None
    return Principal(
        kind, frozenset({kind}), "somebody", subject, "Name", frozenset(), None, meeting_id, ACR_TOKEN, 0, "grant"
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("principal", "conversation", "may"),
    [
        (patient(), CASE, True),
        (patient("p-eva"), CASE, False),
        (patient("p-anna", "p-eva", "messages"), CASE, True),
        (patient("p-anna", "p-eva", "meetings"), CASE, False),
        (staff(), CASE, True),
        (staff("elsewhere"), CASE, False),
        (staff(provider="elsewhere"), CASE, False),
        (staff(acr=LOA2), CASE, False),
        (in_meeting("guest"), CASE, False),
        (None, CASE, False),
        (staff(), NOTES, True),
        (staff("elsewhere"), NOTES, False),
        (patient(), NOTES, False),
        (patient("p-anna", "p-eva", "messages"), NOTES, False),
        (staff(), CHANNEL, True),
        (staff("elsewhere", "other", "SE-9"), CHANNEL, True),
        (staff("elsewhere"), CHANNEL, False),
        (patient("SE-9"), CHANNEL, False),
        (in_meeting("patient"), MEETING, True),
        (in_meeting("guest"), MEETING, True),
        (in_meeting("interpreter"), MEETING, True),
        (in_meeting("guest", "m2"), MEETING, False),
        (patient(), MEETING, False),
        (staff(), MEETING, False),
    ],
)
def test_only_those_it_concerns_may_read_and_write(
    principal: Principal | None, conversation: Conversation, may: bool
) -> None:
    assert may_read(principal, conversation) is may
    assert may_write(principal, conversation) is may


def test_nobody_but_staff_reads_notes_even_when_named_as_a_member() -> None:
    named = Conversation("notes-1", "provider", "unit", "p-anna", "m1", member_ids=frozenset({"p-anna", "somebody"}))
    for principal in (patient(), in_meeting("guest"), in_meeting("patient")):
        assert not may_read(principal, named)


@pytest.mark.parametrize(
    "text",
    ["", "case", "case-", "cases-1", "case-a b", "case-../x", "case-" + "x" * 65, "Case-1", "meeting-1\n", "x-1"],
)
def test_an_id_of_no_kind_is_no_conversation(text: str) -> None:
    with pytest.raises(ChatError, match="unknown_conversation"):
        kind_of(text)


@pytest.mark.parametrize("conversation", [CASE, NOTES, CHANNEL, MEETING, Conversation("case-2", state="archived")])
def test_standing_data_survive_storing(conversation: Conversation) -> None:
    fields = {name.encode(): value.encode() for name, value in to_fields(conversation).items()}
    assert from_fields(conversation.conversation_id, fields | {b"last": b"7"}) == conversation


def test_a_state_that_is_not_known_is_closed() -> None:
    assert from_fields("case-1", {b"state": b"new"}).state == "closed"


def test_nothing_personal_is_shown_of_a_conversation() -> None:
    assert "p-anna" not in repr(CASE)
    assert "title" not in repr(Conversation("case-1", title="title"))
