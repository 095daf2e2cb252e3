"""Guest links: one meeting, one browser, a time, and an end at any time."""

import asyncio

import pytest
from redis.asyncio import Redis

from auth.guest_links import MAX_LINKS, Entered, GuestLink, GuestLinkError, GuestLinks, TooManyLinksError

NOW = 1_800_000_000.0
END = int(NOW) + 3600


@pytest.fixture
def links(redis_client: Redis) -> GuestLinks:
    return GuestLinks(redis_client)


async def make(links: GuestLinks, meeting_id: str = "m1", label: str = "Mormor") -> tuple[GuestLink, str]:
    return await links.create(meeting_id, "guest", label, created_by="SE1-P1", now=NOW, expires_at=END)


async def use(links: GuestLinks, secret: str, cookie: str | None = None, now: float = NOW) -> Entered:
    return await links.enter(await links.find(secret, now), cookie, now)


async def refusal(links: GuestLinks, secret: str, cookie: str | None = None, now: float = NOW) -> str:
    with pytest.raises(GuestLinkError) as caught:
        await use(links, secret, cookie, now)
    return caught.value.code


async def test_a_link_opens_its_meeting_in_its_role(links: GuestLinks) -> None:
    link, secret = await make(links)
    entered = await use(links, secret)
    assert (entered.link.meeting_id, entered.link.role, entered.link.link_id) == ("m1", "guest", link.link_id)
    assert entered.browser_secret


async def test_the_same_browser_may_reload_and_no_other_may_come(links: GuestLinks) -> None:
    _, secret = await make(links)
    cookie = (await use(links, secret)).browser_secret
    again = await use(links, secret, cookie)
    assert again.browser_secret is None
    assert await refusal(links, secret) == "link_used"
    assert await refusal(links, secret, "another browser") == "link_used"
    assert await refusal(links, secret, "") == "link_used"


async def test_one_browser_uses_two_links_with_one_cookie(links: GuestLinks) -> None:
    (_, first), (_, second) = await make(links), await make(links, "m2")
    cookie = (await use(links, first)).browser_secret
    assert (await use(links, second, cookie)).browser_secret is None
    assert (await use(links, first, cookie)).link.meeting_id == "m1"
    assert await refusal(links, second) == "link_used"


@pytest.mark.attack
async def test_of_two_browsers_at_once_one_gets_in(links: GuestLinks) -> None:
    _, secret = await make(links)
    results = await asyncio.gather(*(use(links, secret) for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(result, Entered) for result in results) == 1
    assert all(isinstance(result, Entered | GuestLinkError) for result in results)


@pytest.mark.attack
@pytest.mark.parametrize("secret", ["", "x", "x" * 32, "x" * 4000, "../" * 8, "\0" * 32, "é" * 32])
async def test_a_guessed_secret_opens_nothing(links: GuestLinks, secret: str) -> None:
    await make(links)
    assert await refusal(links, secret) == "link_invalid"


@pytest.mark.attack
async def test_neither_the_links_id_nor_what_redis_holds_opens_it(links: GuestLinks, redis_client: Redis) -> None:
    link, secret = await make(links)
    assert await refusal(links, link.link_id) == "link_invalid"
    assert await refusal(links, link.digest[:32]) == "link_invalid"
    for key in await redis_client.keys("*"):
        kind = await redis_client.type(key)
        content = await (redis_client.hgetall(key) if kind == b"hash" else redis_client.get(key))
        assert secret not in repr((key, content))


async def test_a_link_ends_at_its_time(links: GuestLinks) -> None:
    _, secret = await make(links)
    cookie = (await use(links, secret, now=END - 1)).browser_secret
    assert await refusal(links, secret, cookie, now=END) == "link_expired"


async def test_a_revoked_link_opens_for_nobody(links: GuestLinks) -> None:
    link, secret = await make(links)
    cookie = (await use(links, secret)).browser_secret
    await links.revoke(link, NOW)
    assert await refusal(links, secret, cookie) == "revoked"
    assert [one.state(NOW) for one in await links.of_meeting("m1")] == ["revoked"]


@pytest.mark.attack
async def test_a_use_that_meets_a_revocation_does_not_bring_the_link_back(links: GuestLinks) -> None:
    link, secret = await make(links)
    found = await links.find(secret, NOW)
    await links.revoke(link, NOW)
    await links.enter(found, None, NOW)
    assert [one.state(NOW) for one in await links.of_meeting("m1")] == ["revoked"]
    assert await refusal(links, secret) == "revoked"


async def test_makers_see_what_became_of_each_link(links: GuestLinks) -> None:
    await make(links, label="one")
    _, secret = await make(links, label="two")
    await make(links, "m2")
    await use(links, secret)
    states = {link.label: link.state(NOW) for link in await links.of_meeting("m1")}
    assert states == {"one": "unused", "two": "used"}
    assert {link.state(END) for link in await links.of_meeting("m1")} == {"expired"}
    assert await links.get("m2", (await links.of_meeting("m1"))[0].link_id) is None


@pytest.mark.attack
async def test_the_links_of_a_meeting_are_bounded(links: GuestLinks) -> None:
    for _ in range(MAX_LINKS):
        await make(links)
    with pytest.raises(TooManyLinksError):
        await make(links)


async def test_nothing_of_a_link_stays_forever(links: GuestLinks, redis_client: Redis) -> None:
    _, secret = await make(links)
    await use(links, secret)
    assert all([await redis_client.ttl(key) > 0 for key in await redis_client.keys("*")])
