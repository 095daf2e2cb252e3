"""Proxies: who may act for whom, and when it ends by itself."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from redis.asyncio import Redis

from auth.principal import PROXY_SCOPES, ProxyScope
from auth.proxies import (
    MAX_RELATIONS,
    ProxyError,
    ProxyRelation,
    RedisProxyDirectory,
    birthday,
    grant,
    guardian,
    guardianship_ends,
    may_act_for,
    midnight,
)

STOCKHOLM: Final = ZoneInfo("Europe/Stockholm")
NOW: Final = 1_800_000_000.0


def person(letter: str) -> str:
    return "p-" + letter * 26


MARIA, ALVA, BENGT = person("m"), person("a"), person("b")
births = st.dates(min_value=date(1980, 1, 1), max_value=date(2060, 12, 31))


def clock_of(instant: float) -> tuple[date, int, int, int]:
    """Date, hour, minute and second that a clock in Stockholm shows."""
    local = datetime.fromtimestamp(instant, STOCKHOLM)
    return local.date(), local.hour, local.minute, local.second


# --- the 13th birthday -------------------------------------------------------------------------------------------


@given(births)
@example(date(2008, 2, 29))
@example(date(2013, 3, 31))
@example(date(2013, 10, 27))
def test_a_guardian_may_act_until_the_last_second_before_the_13th_birthday(born: date) -> None:
    ends = guardianship_ends(born)
    relation = guardian(ALVA, "Alva", birth_date=born)
    assert may_act_for(relation, ends - 1)
    assert may_act_for(relation, ends - 0.001)
    assert not may_act_for(relation, ends)
    assert clock_of(ends) == (birthday(born, 13), 0, 0, 0)
    assert clock_of(ends - 1) == (birthday(born, 13) - timedelta(days=1), 23, 59, 59)


@given(births)
def test_the_birthday_has_the_date_of_birth_or_is_the_28th_of_february(born: date) -> None:
    thirteenth = birthday(born, 13)
    assert thirteenth.year == born.year + 13
    if (born.month, born.day) == (2, 29):
        assert (thirteenth.month, thirteenth.day) == (2, 28), "13 years after a leap year is never one"
    else:
        assert (thirteenth.month, thirteenth.day) == (born.month, born.day)


@pytest.mark.parametrize(
    ("born", "utc"),
    [
        (date(2013, 11, 23), "2026-11-22T23:00Z"),  # winter: one hour before UTC's midnight
        (date(2013, 7, 1), "2026-06-30T22:00Z"),  # summer: two
        (date(2014, 3, 28), "2027-03-27T23:00Z"),  # on the day of the change to summer time: still winter
        (date(2014, 3, 29), "2027-03-28T22:00Z"),  # the day after
        (date(2014, 10, 31), "2027-10-30T22:00Z"),  # on the day of the change back: still summer
        (date(2014, 11, 1), "2027-10-31T23:00Z"),
        (date(2012, 2, 29), "2025-02-27T23:00Z"),
        (date(2016, 2, 29), "2029-02-27T23:00Z"),
        (date(2014, 1, 1), "2026-12-31T23:00Z"),
    ],
)
def test_the_instant_follows_swedish_time(born: date, utc: str) -> None:
    assert guardianship_ends(born) == datetime.fromisoformat(utc).timestamp()


@given(births, births)
def test_who_is_younger_never_turns_13_earlier(one: date, two: date) -> None:
    older, younger = sorted([one, two])
    assert guardianship_ends(older) <= guardianship_ends(younger)


@given(st.dates(min_value=date(1980, 1, 1), max_value=date(2090, 12, 30)))
def test_a_day_in_stockholm_has_23_24_or_25_hours(day: date) -> None:
    hours = (midnight(day + timedelta(days=1)) - midnight(day)) / 3600
    assert hours in (23, 24, 25)
    assert clock_of(midnight(day)) == (day, 0, 0, 0)


@given(births, st.integers(1, 2**40))
def test_a_guardian_ends_at_the_13th_birthday_or_earlier_never_later(born: date, until: int) -> None:
    relation = guardian(ALVA, "Alva", birth_date=born, valid_until=until)
    assert relation.valid_until == min(until, guardianship_ends(born))


# --- relations ---------------------------------------------------------------------------------------------------


@given(st.sets(st.sampled_from(sorted(PROXY_SCOPES)), min_size=1), st.integers(1, 2**40), st.integers(0, 2**41))
def test_a_grant_is_in_force_until_its_end(scopes: set[ProxyScope], until: int, now: int) -> None:
    relation = grant(BENGT, "Bengt", scopes=scopes, valid_until=until)
    assert relation.scopes == scopes
    assert may_act_for(relation, now) == (now < until)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"subject_person_id": "191212121212"}, "subject"),
        ({"subject_name": ""}, "name"),
        ({"subject_name": "x" * 129}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["meetings", "everything"]}, "scopes"),
        ({"valid_until": 0}, "valid_until"),
        ({"valid_until": 2**60}, "valid_until"),
    ],
)
def test_a_grant_that_cannot_be_is_refused_by_cause(changes: dict[str, Any], code: str) -> None:
    arguments: dict[str, Any] = {
        "subject_person_id": BENGT,
        "subject_name": "Bengt",
        "scopes": ["meetings"],
        "valid_until": 1,
    }
    with pytest.raises(ProxyError) as caught:
        grant(**(arguments | changes))
    assert caught.value.code == code


@pytest.mark.attack
def test_a_relation_shows_nobody_when_printed() -> None:
    text = repr(grant(BENGT, "Bengt Sandvall", scopes=["book"], valid_until=1))
    assert "Bengt" not in text
    assert BENGT not in text


# --- the directory in Redis --------------------------------------------------------------------------------------


def bengt(**changes: Any) -> ProxyRelation:
    return replace(grant(BENGT, "Bengt", scopes=["meetings", "book"], valid_until=int(NOW) + 100), **changes)


def alva() -> ProxyRelation:
    return guardian(ALVA, "Alva", birth_date=date(2020, 6, 6))


async def test_the_directory_knows_what_it_was_told_and_for_how_long(redis_client: Redis) -> None:
    directory = RedisProxyDirectory(redis_client)
    assert await directory.replace(MARIA, [bengt(), alva()], NOW) == frozenset()
    assert await directory.relations(MARIA, NOW) == (alva(), bengt())
    assert await directory.relation(MARIA, BENGT, NOW) == bengt()
    assert await directory.relation(MARIA, BENGT, NOW + 100) is None
    assert await directory.relations(MARIA, NOW + 100) == (alva(),)
    assert await directory.relation(MARIA, ALVA, guardianship_ends(date(2020, 6, 6))) is None
    assert await directory.relation(ALVA, MARIA, NOW) is None, "it goes one way"
    assert await directory.relations(BENGT, NOW) == ()


async def test_it_is_gone_from_redis_when_the_last_relation_has_ended(redis_client: Redis) -> None:
    directory = RedisProxyDirectory(redis_client)
    await directory.replace(MARIA, [bengt(), bengt(subject_person_id=ALVA, valid_until=int(NOW) + 500)], NOW)
    assert 490 <= await redis_client.ttl(f"ao:proxies:{MARIA}") <= 500
    await directory.replace(MARIA, [bengt(valid_until=int(NOW))], NOW)
    assert not await redis_client.exists(f"ao:proxies:{MARIA}")


async def test_replacing_tells_for_whom_less_is_allowed_now(redis_client: Redis) -> None:
    directory = RedisProxyDirectory(redis_client)
    await directory.replace(MARIA, [bengt(), alva()], NOW)
    assert await directory.replace(MARIA, [bengt(scopes=frozenset({"book"})), alva()], NOW) == {BENGT}
    assert await directory.replace(MARIA, [bengt(), alva()], NOW) == frozenset(), "more is no loss"
    assert await directory.replace(MARIA, [bengt()], NOW) == {ALVA}
    assert await directory.replace(MARIA, [], NOW + 200) == frozenset(), "it had ended by itself"


@pytest.mark.parametrize(
    ("relations", "code"),
    [
        ([bengt(), bengt()], "twice"),
        ([bengt(subject_person_id=MARIA)], "subject"),
        ([bengt(subject_person_id="x")], "subject"),
        ([bengt(scopes=frozenset())], "scopes"),
        ([bengt(kind="friend")], "kind"),
        (
            [bengt(subject_person_id="p-" + chr(97 + n // 26) * 13 + chr(97 + n % 26) * 13) for n in range(51)],
            "too_many",
        ),
    ],
)
async def test_what_cannot_be_changes_nothing(redis_client: Redis, relations: list[ProxyRelation], code: str) -> None:
    assert len(relations) <= MAX_RELATIONS + 1
    directory = RedisProxyDirectory(redis_client)
    await directory.replace(MARIA, [alva()], NOW)
    with pytest.raises(ProxyError) as caught:
        await directory.replace(MARIA, relations, NOW)
    assert caught.value.code == code
    assert await directory.relations(MARIA, NOW) == (alva(),)


async def test_a_childs_guardians_are_found_while_they_may_act(redis_client: Redis) -> None:
    directory = RedisProxyDirectory(redis_client)
    other = person("t")
    for actor in (MARIA, other):
        await directory.replace(actor, [alva()], NOW)
    await directory.replace(BENGT, [replace(alva(), kind="grant")], NOW)
    assert await directory.guardians_of(ALVA, "messages", NOW) == (MARIA, other)
    assert await directory.proxies_of(ALVA, "messages", NOW) == tuple(sorted((MARIA, BENGT, other)))
    await directory.replace(MARIA, [replace(alva(), scopes=frozenset({"book"}))], NOW)
    assert await directory.guardians_of(ALVA, "messages", NOW) == (other,)
    await directory.replace(other, [], NOW)
    assert await directory.guardians_of(ALVA, "messages", NOW) == ()
    assert await directory.guardians_of(ALVA, "book", float(alva().valid_until)) == ()
    assert await directory.guardians_of(BENGT, "messages", NOW) == ()
