"""The queue outside a room: places, what is told to whom, and the estimate. No transport takes part."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.waiting import ADMISSIONS_MAX_AGE_US, ESTIMATE_STEP_S, WaitingRoom, estimate_s
from tests.sfu.virtual import World, refusal

MINUTE_US = 60_000_000


def queue() -> WaitingRoom:
    return WaitingRoom(World().engine.local)


def ask(waiting: WaitingRoom, name: str, *, host_present: bool = False, now_us: int = 0, **changes: Any) -> Any:
    params = {
        "participant_id": f"w-{name}",
        "identity": name,
        "grant_id": f"g-{name}",
        "display_name": name,
        "role": "guest",
        "front_id": "front",
        "socket_id": f"s-{name}",
        "max_participants": 3,
        "since": 1_800_000_000,
        **changes,
    }
    return waiting.wait(params, host_present, now_us)


def told(waiting: WaitingRoom) -> list[tuple[str, str, dict[str, Any]]]:
    found = [(participant_id, event, payload) for _, participant_id, event, payload in waiting.outbox]
    waiting.outbox.clear()
    return found


def test_each_is_told_the_own_place_and_nothing_of_the_others() -> None:
    waiting = queue()
    places = [ask(waiting, name) for name in ("anna", "bo", "cai")]
    assert [(place["position"], place["people_before"]) for place in places] == [(1, 0), (2, 1), (3, 2)]
    for place, name in zip(places, ("anna", "bo", "cai"), strict=True):
        assert not any(other in repr(place) for other in {"anna", "bo", "cai"} - {name})


def test_those_behind_move_up_and_are_told_once() -> None:
    waiting = queue()
    for name in ("anna", "bo", "cai"):
        ask(waiting, name)
    waiting.tick(False, 0)
    told(waiting)
    waiting.leave("w-anna")
    waiting.tick(False, 0)
    assert [(who, event, payload["position"]) for who, event, payload in told(waiting)] == [
        ("w-bo", "waiting_changed", 1),
        ("w-cai", "waiting_changed", 2),
    ]
    waiting.tick(False, 0)
    assert told(waiting) == []


def test_a_host_who_comes_or_goes_is_told_to_those_who_wait() -> None:
    waiting = queue()
    assert ask(waiting, "anna")["host_present"] is False
    waiting.tick(True, 0)
    waiting.tick(False, 0)
    assert [payload["host_present"] for _, _, payload in told(waiting)] == [True, False]


def test_hosts_get_the_queue_when_it_changes_and_only_then() -> None:
    waiting = queue()
    ask(waiting, "anna")
    assert waiting.tick(False, 0) == [
        {
            "participant_id": "w-anna",
            "display_name": "anna",
            "role": "guest",
            "since": 1_800_000_000,
            "state": "connected",
        }
    ]
    assert waiting.tick(True, 0) is None
    waiting.leave("w-anna")
    assert waiting.tick(True, 0) == []


def test_a_lost_socket_keeps_its_place_for_a_while_and_takes_it_back() -> None:
    waiting = queue()
    first = ask(waiting, "anna")
    ask(waiting, "bo")
    waiting.lose("front", "s-anna", 0)
    changed = waiting.tick(False, 0)
    assert changed is not None
    assert [one["state"] for one in changed] == ["lost", "connected"]
    again = ask(waiting, "anna", participant_id="w-other", since=1_800_000_500, front_id="front-2")
    assert (again["participant_id"], again["position"], again["replaced_front_id"]) == ("w-anna", 1, None)
    assert again["resume_token"] != first["resume_token"]
    assert waiting.public()[0]["since"] == 1_800_000_000


def test_who_does_not_come_back_loses_the_place() -> None:
    waiting = queue()
    ask(waiting, "anna")
    ask(waiting, "bo")
    waiting.lose("front", None, 1_000_000)
    ask(waiting, "bo")
    waiting.check(30_999_999, 30_000_000)
    assert list(waiting.people) == ["w-anna", "w-bo"]
    waiting.check(31_000_000, 30_000_000)
    assert list(waiting.people) == ["w-bo"]


@pytest.mark.attack
def test_a_copied_token_does_not_take_over_a_place_whose_socket_lives() -> None:
    waiting = queue()
    place = ask(waiting, "anna")
    assert refusal(ask, waiting, "anna") == "identity_in_use"
    assert refusal(ask, waiting, "anna", resume_token="0" * 32) == "identity_in_use"
    again = ask(waiting, "anna", resume_token=place["resume_token"], front_id="front-2")
    assert again["replaced_front_id"] == "front"


@pytest.mark.attack
def test_the_queue_is_bounded() -> None:
    waiting = queue()
    for name in ("anna", "bo", "cai"):
        ask(waiting, name)
    assert refusal(ask, waiting, "dan") == "room_full"
    assert len(waiting.people) == 3


def test_who_is_lost_is_sent_nothing() -> None:
    waiting = queue()
    ask(waiting, "anna")
    waiting.lose("front", "s-anna", 0)
    waiting.tick(True, 0)
    waiting.admit("w-anna", 0)
    assert told(waiting) == []


def test_no_estimate_without_experience_and_whole_minutes_with_it() -> None:
    assert estimate_s(1, [], 0) is None
    assert estimate_s(1, [0], 1) is None
    assert estimate_s(1, [0, 5 * MINUTE_US], 5 * MINUTE_US) == 300
    assert estimate_s(3, [0, 5 * MINUTE_US], 5 * MINUTE_US) == 900
    assert estimate_s(1, [0, MINUTE_US // 2], MINUTE_US) == 60


def test_an_estimate_grows_while_nobody_is_let_in_and_ends_when_experience_is_old() -> None:
    admissions = [0, MINUTE_US]
    assert estimate_s(1, admissions, 11 * MINUTE_US) == 600
    assert estimate_s(1, admissions, ADMISSIONS_MAX_AGE_US + 1) is None


@given(
    st.integers(1, 500),
    st.lists(st.integers(0, 10**11), max_size=5).map(sorted),
    st.integers(0, 10**10),
)
def test_an_estimate_is_never_shorter_for_those_behind(position: int, admissions: list[int], later: int) -> None:
    now_us = (admissions[-1] if admissions else 0) + later
    here, behind = estimate_s(position, admissions, now_us), estimate_s(position + 1, admissions, now_us)
    assert (here is None) == (behind is None)
    if here is not None and behind is not None:
        assert 0 < here <= behind
        assert here % ESTIMATE_STEP_S == 0
