"""The chain of the audit log: whatever is done to it without the key is found, and where."""

import json
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.audit import (
    GENESIS,
    AuditEntry,
    AuditKeyError,
    AuditKeys,
    Head,
    LinkedEntry,
    SignedHead,
    entry_of,
    link,
    read_body,
    sign_head,
    verify,
)
from auth.permissions import Action, Decision, Resource
from auth.principal import Commission, Principal

KEYS: Final = AuditKeys({"a1": bytes(range(32))})
OTHERS: Final = AuditKeys({"a1": bytes(32)})


def entry(number: int = 1, **changes: Any) -> AuditEntry:
    fields: dict[str, Any] = {
        "at_ms": 1_800_000_000_000 + number,
        "actor": "SE5555555555-P1",
        "on_behalf_of": None,
        "commission": "SE5555555555-C1",
        "unit": "SE5555555555-1001",
        "provider": "SE5555555555-0001",
        "patient": "p-anna",
        "action": "meeting_read",
        "outcome": "allowed",
        "resource": f"meeting:m{number}",
        "address": "192.0.2.1",
        "request_id": f"r{number}",
    }
    return AuditEntry(**(fields | changes))


def chain(count: int, keys: AuditKeys = KEYS, after: Head = GENESIS) -> list[LinkedEntry]:
    linked: list[LinkedEntry] = []
    for number in range(1, count + 1):
        linked.append(link(linked[-1].head if linked else after, entry(number), keys))
    return linked


def fault(entries: list[LinkedEntry], *known: SignedHead, keys: AuditKeys = KEYS) -> tuple[int, str] | None:
    found = verify(entries, keys, known=known).fault
    return None if found is None else (found.number, found.cause)


log = st.integers(1, 12).map(chain)


@given(log)
def test_a_chain_that_nobody_touched_is_whole(entries: list[LinkedEntry]) -> None:
    result = verify(entries, KEYS, known=[sign_head(entries[-1].head, KEYS)])
    assert result.fault is None
    assert result.head == entries[-1].head
    assert [read_body(one.body)["resource"] for one in entries] == [f"meeting:m{one.number}" for one in entries]


@given(log, st.data())
def test_a_changed_field_is_found_at_its_entry(entries: list[LinkedEntry], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(entries) - 1))
    fields = read_body(entries[place].body)
    name = data.draw(st.sampled_from(sorted(set(fields) - {"key"})))
    fields[name] = data.draw(st.integers() | st.text(max_size=5) | st.none())
    body = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    if body == entries[place].body:
        return
    entries[place] = replace(entries[place], body=body)
    assert fault(entries) == (place + 1, "changed")


@given(log, st.data())
def test_a_changed_bit_is_found_at_its_entry(entries: list[LinkedEntry], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(entries) - 1))
    part = data.draw(st.sampled_from(["body", "hash"]))
    content = bytearray(getattr(entries[place], part))
    bit = data.draw(st.integers(0, len(content) * 8 - 1))
    content[bit // 8] ^= 1 << bit % 8
    entries[place] = replace(entries[place], **{part: bytes(content)})
    found = fault(entries)
    assert found is not None
    assert found[0] == place + 1


@given(log, st.data())
def test_a_removed_entry_is_found_where_it_was(entries: list[LinkedEntry], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(entries) - 1))
    head = sign_head(entries[-1].head, KEYS)
    is_last = place == len(entries) - 1
    del entries[place]
    assert fault(entries, head) == (place + 1, "truncated" if is_last else "missing")


@given(log, st.data())
def test_a_removed_entry_is_found_even_if_the_later_ones_are_renumbered(
    entries: list[LinkedEntry], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(entries) - 1))
    others = entries[:place] + entries[place + 1 :]
    rest = [LinkedEntry(number, one.body, one.hash) for number, one in enumerate(others, 1)]
    assert fault(rest, sign_head(entries[-1].head, KEYS)) == (
        place + 1,
        "truncated" if place == len(entries) - 1 else "changed",
    )


@given(log, st.data())
def test_an_inserted_entry_is_found(entries: list[LinkedEntry], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(entries)))
    previous = entries[place - 1].head if place else GENESIS
    forged = link(previous, entry(99), OTHERS)
    assert fault([*entries[:place], forged, *entries[place:]]) == (place + 1, "changed")


@given(log, st.data())
def test_an_entry_that_stands_twice_is_found(entries: list[LinkedEntry], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(entries) - 1))
    assert fault([*entries[: place + 1], *entries[place:]]) == (place + 2, "out_of_place")


@given(st.integers(2, 12).map(chain), st.data())
def test_entries_that_changed_places_are_found(entries: list[LinkedEntry], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(entries) - 2))
    entries[place], entries[place + 1] = entries[place + 1], entries[place]
    assert fault(entries) == (place + 1, "missing")


@given(log, st.data())
def test_an_end_that_was_cut_off_is_found_by_the_signed_head(entries: list[LinkedEntry], data: st.DataObject) -> None:
    keep = data.draw(st.integers(0, len(entries) - 1))
    head = sign_head(entries[-1].head, KEYS)
    assert fault(entries[:keep]) is None, "without the head nobody can see it"
    assert fault(entries[:keep], head) == (keep + 1, "truncated")


@given(log, st.data())
def test_a_head_made_from_the_log_itself_is_not_authentic(entries: list[LinkedEntry], data: st.DataObject) -> None:
    earlier = data.draw(st.sampled_from(entries))
    forged = SignedHead(earlier.head, "a1", earlier.hash)
    assert fault(entries[: earlier.number], forged) == (earlier.number, "head_forged")
    assert fault(entries[: earlier.number], sign_head(earlier.head, OTHERS)) == (earlier.number, "head_forged")


def test_a_log_written_anew_with_the_key_is_found_by_a_head_from_before() -> None:
    old, new = chain(5), [link(GENESIS, entry(7), KEYS)]
    for number in range(4):
        new.append(link(new[-1].head, entry(number), KEYS))
    assert fault(new, sign_head(new[-1].head, KEYS)) is None
    assert fault(new, sign_head(old[2].head, KEYS)) == (3, "changed")
    assert fault(new, sign_head(old[4].head, KEYS), sign_head(new[4].head, KEYS)) == (5, "changed")


def test_entries_of_another_key_are_not_ours() -> None:
    assert fault(chain(3, AuditKeys({"b": bytes(32)}))) == (1, "unknown_key")
    assert fault(chain(3, OTHERS)) == (1, "changed")


def test_keys_rotate_within_one_chain() -> None:
    both = AuditKeys({"a2": bytes(range(1, 33)), "a1": bytes(range(32))})
    old = chain(2)
    entries = [*old, link(old[-1].head, entry(3), both)]
    assert fault(entries, sign_head(old[-1].head, KEYS), keys=both) is None
    assert fault(entries) == (3, "unknown_key")


def test_a_part_of_a_log_is_checked_from_a_head_on() -> None:
    entries = chain(6)
    assert verify(entries[3:], KEYS, after=entries[2].head).fault is None
    assert verify(entries[3:], KEYS, after=entries[1].head).fault is not None
    assert verify(entries[3:], KEYS).fault is not None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"null", b"[" * 100_000])
def test_what_is_no_entry_is_malformed(body: bytes) -> None:
    assert fault([LinkedEntry(1, body, bytes(32))]) == (1, "malformed")


def test_a_signed_head_is_written_as_one_line_and_read_again() -> None:
    head = sign_head(chain(3)[-1].head, KEYS)
    assert SignedHead.parse(head.to_text() + "\n") == head
    assert head.is_authentic(KEYS)
    assert not replace(head, head=Head(2, head.head.hash)).is_authentic(KEYS)
    for text in ("", "1", head.to_text() + " 1", head.to_text().replace(" ", "\t"), head.to_text()[:-1]):
        with pytest.raises(ValueError, match="not a signed head"):
            SignedHead.parse(text)


def test_keys_are_read_from_text_and_never_shown() -> None:
    text = AuditKeys.generate_text()
    keys = AuditKeys.parse(f"{text}\n{AuditKeys.generate_text()}\n")
    assert keys.current_id == text.split(":")[0]
    assert text.split(":")[1] not in repr(keys)
    for bad in ("", "a", "a:", "a:%%", "a:c2hvcnQ=", "b d:" + "A" * 43 + "=", f"{text},{text}"):
        with pytest.raises(AuditKeyError):
            AuditKeys.parse(bad)
    with pytest.raises(AuditKeyError):
        AuditKeys({})


# --- what an entry says ------------------------------------------------------------------------------------------


def principal(**changes: Any) -> Principal:
    fields: dict[str, Any] = {
        "kind": "patient",
        "roles": frozenset({"proxy"}),
        "actor": "p-maria",
        "subject": "p-alva",
        "display_name": "Maria Ekdal",
        "proxy_scopes": frozenset({"meetings"}),
        "commission": None,
        "meeting_id": None,
        "acr": "",
        "authenticated_at": 0,
        "grant_id": "g",
    }
    return Principal(**(fields | changes))


def test_an_entry_of_a_proxy_names_both_people() -> None:
    resource = Resource(patient_person_id="p-alva", meeting_id="m1")
    made = entry_of(principal(), Action.MEETING_JOIN, Decision(True, "allowed"), resource, at_ms=5, request_id="r")
    assert (made.actor, made.on_behalf_of, made.patient) == ("p-maria", "p-alva", "p-alva")
    assert (made.action, made.outcome, made.resource) == ("meeting_join", "allowed", "meeting:m1")


def test_an_entry_of_staff_names_commission_unit_and_provider() -> None:
    commission = Commission("SE1-C", "SE1-U", "SE1-V", "Björkens vårdcentral", frozenset({"staff"}))
    staff = principal(kind="staff", roles=frozenset({"staff"}), actor="SE1-P", subject=None, commission=commission)
    made = entry_of(staff, Action.REVOKE, Decision(False, "role"), at_ms=5, request_id="r", what="link:1")
    assert (made.actor, made.on_behalf_of) == ("SE1-P", None)
    assert (made.commission, made.unit, made.provider) == ("SE1-C", "SE1-U", "SE1-V")
    assert (made.outcome, made.resource, made.patient) == ("refused", "link:1", None)


@pytest.mark.attack
def test_an_entry_has_no_names_stays_small_and_shows_no_ids_when_printed() -> None:
    long = "x" * 10_000
    made = entry_of(
        principal(), Action.MEETING_JOIN, Decision(True, "allowed"), at_ms=5, request_id=long, address=long, what=long
    )
    linked = link(GENESIS, made, KEYS)
    assert len(linked.body) < 1500
    assert b"Maria" not in linked.body
    assert "maria" not in repr(made)


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_text_can_be_linked_and_verified(actor: str, resource: str) -> None:
    linked = link(GENESIS, entry(actor=actor, resource=resource), KEYS)
    assert linked.body.isascii()
    assert fault([linked]) is None
    assert read_body(linked.body)["actor"] == actor
