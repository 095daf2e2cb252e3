"""Sessions in Redis: limits in virtual time, rotation, ends that nobody survives."""

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from auth.session_store import SessionGoneError, SessionStore
from auth.sessions import Limits, ProviderLogin, Session
from tests.auth.test_sessions import COMMISSION, patient_session, staff_session

START = 1000
LIMITS = Limits(idle_s=600, absolute_s=3600)


class Ended:
    """Remembers what was revoked."""

    def __init__(self) -> None:
        self.grants: list[tuple[str, str]] = []

    async def __call__(self, grant_id: str, reason: str) -> None:
        self.grants.append((grant_id, reason))


@pytest.fixture
def ended() -> Ended:
    return Ended()


@pytest.fixture
def store(redis_client: Redis, ended: Ended) -> SessionStore:
    return SessionStore(redis_client, LIMITS, ended)


async def test_a_session_is_found_by_its_secret_only(store: SessionStore) -> None:
    session = patient_session()
    secret = await store.start(session)
    assert await store.find(secret, START) == session
    for other in ("", "x", secret[:-1] + ("A" if secret[-1] != "A" else "B"), secret + "A", session.grant_id, "*" * 43):
        assert await store.find(other, START) is None


@pytest.mark.attack
async def test_what_redis_holds_lets_nobody_in(store: SessionStore, redis_client: Redis) -> None:
    secret = await store.start(patient_session())
    keys = [key.decode() async for key in redis_client.scan_iter("*")]
    values = [await redis_client.get(key) for key in keys if await redis_client.type(key) == b"string"]
    assert all(secret not in key for key in keys)
    assert all(secret.encode() not in value for value in values)
    assert all("19900101" not in key and "sub-1" not in key for key in keys)
    digest = next(key for key in keys if key.startswith("ao:session:")).rpartition(":")[2]
    assert await store.find(digest[:43], START) is None


async def test_an_idle_session_ends_and_its_grant_with_it(store: SessionStore, ended: Ended) -> None:
    session = patient_session()
    secret = await store.start(session)
    assert await store.find(secret, START + 599) is not None
    assert await store.find(secret, START + 599 + 599) is not None
    assert await store.find(secret, START + 599 + 599 + 600) is None
    assert await store.find(secret, START) is None
    assert ended.grants == [(session.grant_id, "idle")]


async def test_a_session_in_use_ends_at_the_absolute_limit(store: SessionStore, ended: Ended) -> None:
    session = patient_session()
    secret = await store.start(session)
    for now in range(START, START + 3600, 300):
        assert await store.find(secret, now) is not None
    assert await store.find(secret, START + 3600) is None
    assert ended.grants == [(session.grant_id, "absolute")]


async def test_use_is_written_now_and_then_only(store: SessionStore) -> None:
    secret = await store.start(patient_session())
    assert (await store.find(secret, START + 29)) == (await store.find(secret, START))
    seen = await store.find(secret, START + 31)
    assert seen is not None
    assert seen.seen_at == START + 31


async def test_a_meeting_counts_as_use(store: SessionStore) -> None:
    session = patient_session()
    secret = await store.start(session)
    for now in range(START, START + 3000, 500):
        assert await store.touch_grant(session.grant_id, now)
    assert await store.find(secret, START + 3000) is not None
    assert not await store.touch_grant(session.grant_id, START + 3600)
    assert not await store.touch_grant("s-unknown", START)


async def test_records_vanish_from_redis_by_themselves(store: SessionStore, redis_client: Redis) -> None:
    await store.start(patient_session())
    lifetimes = {key.decode().split(":")[1]: await redis_client.ttl(key) async for key in redis_client.scan_iter("*")}
    assert set(lifetimes) == {"session", "session-grant", "sessions-of"}
    assert 0 < lifetimes["session"] <= LIMITS.idle_s
    assert all(0 < value <= LIMITS.absolute_s for value in lifetimes.values())


@pytest.mark.attack
async def test_rotation_changes_the_secret_and_the_old_one_is_worthless(store: SessionStore, ended: Ended) -> None:
    session = staff_session()
    first = await store.start(session)
    second = await store.rotate(first, replace(session, commission=COMMISSION))
    assert first != second
    assert await store.find(first, START) is None
    found = await store.find(second, START)
    assert found is not None
    assert (found.commission, found.grant_id) == (COMMISSION, session.grant_id)
    assert ended.grants == []
    with pytest.raises(SessionGoneError):
        await store.rotate(first, session)


@pytest.mark.attack
async def test_a_session_that_ended_is_not_brought_back_by_what_was_under_way(store: SessionStore) -> None:
    session = staff_session()
    secret = await store.start(session)
    await store.end_grant(session.grant_id, "logout")
    with pytest.raises(SessionGoneError):
        await store.rotate(secret, session)
    assert not await store.touch_grant(session.grant_id, START + 300)
    assert await store.of_grant(session.grant_id) is None


@pytest.mark.attack
async def test_an_end_that_meets_a_rotation_wins(redis_client: Redis, ended: Ended) -> None:
    """The end comes after the old record was taken and before the new one is known by its grant."""

    class Meeting(SessionStore):
        async def end_in_between(self) -> None:
            await SessionStore.end_grant(self, session.grant_id, "backchannel")

    class SlowRedis:
        """Ends the session right after the first record was taken."""

        def __getattr__(self, name: str) -> object:
            return getattr(redis_client, name)

        async def getdel(self, key: str) -> object:
            value = await redis_client.getdel(key)
            await store.end_in_between()
            return value

    session = staff_session()
    store = Meeting(SlowRedis(), LIMITS, ended)  # type: ignore[arg-type]
    secret = await store.start(session)
    with pytest.raises(SessionGoneError):
        await store.rotate(secret, session)
    keys = [key async for key in redis_client.scan_iter("ao:session:*")]
    assert keys == []
    assert await store.of_grant(session.grant_id) is None
    assert ended.grants == [(session.grant_id, "backchannel")]


@pytest.mark.attack
async def test_an_end_that_meets_a_use_wins(redis_client: Redis, ended: Ended) -> None:
    """The end comes after the record was read and before its use is noted."""

    class SlowRedis:
        """Ends the session right after its record was read."""

        def __getattr__(self, name: str) -> object:
            return getattr(redis_client, name)

        async def get(self, key: str) -> object:
            value = await redis_client.get(key)
            if key.startswith("ao:session:"):
                await other.end_grant(session.grant_id, "logout")
            return value

    session = patient_session()
    store, other = SessionStore(SlowRedis(), LIMITS, ended), SessionStore(redis_client, LIMITS, ended)  # type: ignore[arg-type]
    secret = await store.start(session)
    assert await store.find(secret, START + 300) is None
    assert await other.find(secret, START + 300) is None


async def test_logout_revokes_the_grant(store: SessionStore, ended: Ended) -> None:
    session = patient_session()
    secret = await store.start(session)
    assert await store.end(secret, "logout")
    assert await store.find(secret, START) is None
    assert ended.grants == [(session.grant_id, "logout")]
    assert not await store.end(secret, "logout")


@pytest.mark.attack
async def test_a_new_login_ends_the_browsers_old_session(store: SessionStore, ended: Ended) -> None:
    old, new = patient_session(), staff_session()
    first = await store.start(old)
    second = await store.start(new, replaces=first)
    assert await store.find(first, START) is None
    assert await store.find(second, START) == new
    assert ended.grants == [(old.grant_id, "replaced")]


@pytest.mark.attack
async def test_a_planted_secret_is_never_taken_over(store: SessionStore) -> None:
    planted = "A" * 43
    assert await store.start(patient_session(), replaces=planted) != planted
    assert await store.find(planted, START) is None


async def test_all_sessions_of_a_person_can_be_seen_and_ended(store: SessionStore, ended: Ended) -> None:
    mine = [patient_session(created_at=START + number, seen_at=START + number) for number in range(3)]
    secrets = [await store.start(session) for session in mine]
    other = await store.start(patient_session(actor="p-" + "c" * 26))
    assert await store.of_person(mine[0].actor, START + 10) == mine[::-1]
    assert await store.end_person(mine[0].actor, "ended_elsewhere", but=mine[1].grant_id) == 2
    assert [await store.find(secret, START + 10) is not None for secret in secrets] == [False, True, False]
    assert await store.find(other, START + 10) is not None
    assert {grant for grant, _ in ended.grants} == {mine[0].grant_id, mine[2].grant_id}


async def test_a_provider_ends_one_login_or_all_of_a_subject(store: SessionStore) -> None:
    def logged_in(sub: str, sid: str | None, issuer: str = "https://a.example") -> Session:
        return patient_session(login=ProviderLogin(issuer, sub, sid))

    sessions = [logged_in("one", "1"), logged_in("one", "2"), logged_in("two", "3"), logged_in("one", None)]
    foreign = logged_in("one", "1", "https://b.example")
    secrets = [await store.start(session) for session in [*sessions, foreign]]

    async def living() -> list[bool]:
        return [await store.find(secret, START) is not None for secret in secrets]

    assert await store.end_login("https://a.example", "one", "1", "backchannel") == 1
    assert await living() == [False, True, True, True, True]
    assert await store.end_login("https://a.example", "one", None, "backchannel") == 3
    assert await living() == [False, False, True, False, True]


async def test_a_grant_is_revoked_even_when_its_session_has_expired(
    store: SessionStore, redis_client: Redis, ended: Ended
) -> None:
    session = patient_session()
    await store.start(session)
    async for key in redis_client.scan_iter("ao:session:*"):
        await redis_client.delete(key)
    assert await store.end_login("https://provider.example", "sub-1", "sid-1", "backchannel") == 1
    assert ended.grants == [(session.grant_id, "backchannel")]
