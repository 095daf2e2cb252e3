"""The memory of the companion's answers."""

from dataclasses import replace

import pytest

from auth.permissions import LOA3
from auth.principal import Commission, Principal
from signalling.companion_cache import AnswerCache, Key, owner

KEY = Key("somebody", "/bookings sv")
COMMISSION = Commission("SE1-C", "SE1-U", "SE1-P", "Unit", frozenset({"staff"}))
STAFF = Principal("staff", frozenset({"staff"}), "SE1-K", None, "S", frozenset(), COMMISSION, None, LOA3, 0, "grant")


def test_an_answer_is_given_until_it_is_too_old() -> None:
    cache = AnswerCache()
    cache.put(KEY, {"a": 1}, 10.0, epoch=cache.epoch)
    known = cache.get(KEY, 5.0, 14.9)
    assert known is not None
    assert known.body == {"a": 1}
    assert known.age_s == pytest.approx(4.9)
    assert cache.get(KEY, 5.0, 15.0) is None
    assert cache.get(KEY, 60.0, 15.0) is not None


def test_the_least_asked_for_goes_first() -> None:
    cache = AnswerCache(max_entries=2)
    first, second, third = (Key("x", name) for name in "abc")
    cache.put(first, 1, 0.0, epoch=0)
    cache.put(second, 2, 0.0, epoch=0)
    assert cache.get(first, 9.0, 0.0) is not None
    cache.put(third, 3, 0.0, epoch=0)
    assert cache.get(second, 9.0, 0.0) is None
    assert len(cache) == 2


def test_what_was_forgotten_does_not_come_back_with_a_late_answer() -> None:
    cache = AnswerCache()
    asked_in = cache.epoch
    cache.put(KEY, "old", 0.0, epoch=asked_in)
    assert cache.forget("/bookings") == 1
    cache.put(KEY, "old", 0.1, epoch=asked_in)
    assert cache.get(KEY, 9.0, 0.1) is None


def test_forgetting_spares_other_paths() -> None:
    cache = AnswerCache()
    cache.put(KEY, "kept", 0.0, epoch=0)
    assert cache.forget("/units") == 0
    assert cache.get(KEY, 9.0, 0.0) is not None


@pytest.mark.parametrize(
    "other",
    [
        replace(STAFF, actor="SE1-L"),
        replace(STAFF, subject="p-x"),
        replace(STAFF, kind="service"),
        replace(STAFF, roles=frozenset({"viewer"})),
        replace(STAFF, commission=None),
        replace(STAFF, commission=replace(COMMISSION, unit_hsa_id="SE1-V")),
        replace(STAFF, commission=replace(COMMISSION, provider_hsa_id="SE1-Q")),
        replace(STAFF, proxy_scopes=frozenset({"book"})),
        replace(STAFF, meeting_id="m"),
        replace(STAFF, acr="low"),
        replace(STAFF, grant_id="another"),
        replace(STAFF, service_scopes=frozenset({"x"})),
        None,
    ],
)
def test_nobody_shares_answers_with_somebody_who_may_see_something_else(other: Principal | None) -> None:
    assert owner(other) != owner(STAFF)


def test_keys_show_nobody() -> None:
    assert repr(Key(owner(STAFF), "/patients/p-1")) == "Key()"
