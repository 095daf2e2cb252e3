"""Keyframe requests in virtual time: throttled, merged, asked again, given up."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from sfu.keyframes import MAX_RETRIES, MIN_INTERVAL_US, RETRY_US, KeyframeRequests

SOURCE, OTHER = 1, 2
START_US = 10_000_000


def asked(requests: KeyframeRequests, begin_us: int, end_us: int, step_us: int = 50_000) -> list[int]:
    """When polls between the two times asked for SOURCE."""
    return [now for now in range(begin_us, end_us, step_us) if SOURCE in requests.poll(now)]


def test_the_first_request_is_sent_at_once_and_those_of_others_are_merged_with_it() -> None:
    requests = KeyframeRequests()
    assert requests.request(SOURCE, START_US)
    assert not any(requests.request(SOURCE, START_US + wait) for wait in range(0, MIN_INTERVAL_US, 1000))
    assert requests.request(SOURCE, START_US + MIN_INTERVAL_US)


def test_sources_do_not_wait_for_one_another() -> None:
    requests = KeyframeRequests()
    assert requests.request(SOURCE, START_US)
    assert requests.request(OTHER, START_US)


def test_an_unanswered_request_is_asked_again_and_then_given_up() -> None:
    requests = KeyframeRequests()
    requests.request(SOURCE, START_US)
    assert asked(requests, START_US, START_US + 20 * RETRY_US) == [
        START_US + number * RETRY_US for number in range(1, MAX_RETRIES + 1)
    ]
    assert requests.request(SOURCE, START_US + 20 * RETRY_US)


def test_an_answered_request_is_not_asked_again() -> None:
    requests = KeyframeRequests()
    requests.request(SOURCE, START_US)
    requests.received(SOURCE)
    assert asked(requests, START_US, START_US + 10 * RETRY_US) == []


def test_who_asks_soon_after_a_keyframe_has_come_waits_only_for_the_interval() -> None:
    requests = KeyframeRequests()
    requests.request(SOURCE, START_US)
    requests.received(SOURCE)
    assert not requests.request(SOURCE, START_US + 100_000)
    assert asked(requests, START_US + 100_000, START_US + RETRY_US + 1) == [START_US + MIN_INTERVAL_US]


def test_a_source_that_is_gone_is_forgotten() -> None:
    requests = KeyframeRequests()
    requests.request(SOURCE, START_US)
    requests.forget(SOURCE)
    requests.forget(OTHER)
    requests.received(OTHER)
    assert asked(requests, START_US, START_US + 10 * RETRY_US) == []
    assert requests.request(SOURCE, START_US)


steps = st.lists(st.tuples(st.sampled_from(["request", "received", "poll"]), st.integers(0, 400_000)), max_size=60)


@given(steps)
def test_no_two_requests_are_ever_sent_within_the_interval(actions: list[tuple[str, int]]) -> None:
    requests, now, sent = KeyframeRequests(), START_US, []
    for action, wait in actions:
        now += wait
        if action == "received":
            requests.received(SOURCE)
        elif requests.request(SOURCE, now) if action == "request" else SOURCE in requests.poll(now):
            sent.append(now)
    assert all(later - earlier >= MIN_INTERVAL_US for earlier, later in itertools.pairwise(sent))


@given(steps)
def test_whoever_asks_is_served_within_a_retry(actions: list[tuple[str, int]]) -> None:
    requests, now, sent = KeyframeRequests(), START_US, []
    for action, wait in actions:
        now += wait
        if action == "received":
            requests.received(SOURCE)
        elif requests.request(SOURCE, now) if action == "request" else SOURCE in requests.poll(now):
            sent.append(now)
    if requests.request(SOURCE, now):
        sent.append(now)
    assert now - sent[-1] < RETRY_US or asked(requests, now, now + RETRY_US + 1)
