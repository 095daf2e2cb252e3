"""A place is somebody's once they have read a code there."""

import pytest
from redis.asyncio import Redis

from chat.contact_codes import CODE_LIFETIME_S, MAX_CODES_PER_HOUR, MAX_TRIES, CodeError, ContactCodes
from chat.contacts import ContactError
from chat.notices import Contact
from tests.chat.test_notice_delivery import EMAIL, PHONE, World

NEW_PHONE = "+46701740699"


class Place(World):
    def __init__(self, redis: Redis) -> None:
        super().__init__(redis)
        self.codes = ContactCodes(redis, self.contacts, self.notices, bytes(32))


@pytest.fixture
async def world(redis_client: Redis) -> Place:
    world = Place(redis_client)
    await world.outbox.start()
    await world.contacts.put("p-anna", Contact(phone=PHONE, email=EMAIL, is_protected=True))
    return world


async def test_a_number_is_theirs_once_the_code_is_read(world: Place) -> None:
    await world.codes.send("p-anna", "sms", NEW_PHONE, "042815")
    await world.run()
    [outgoing] = world.sms.sent
    assert (outgoing.to, outgoing.text) == (NEW_PHONE, "Din kod är 042815. Lämna den inte till någon.")
    assert (await world.contacts.get("p-anna")).phone == PHONE
    await world.codes.confirm("p-anna", "042815")
    assert await world.contacts.get("p-anna") == Contact(phone=NEW_PHONE, email=EMAIL, is_protected=True)
    with pytest.raises(CodeError, match="no_code"):
        await world.codes.confirm("p-anna", "042815")


async def test_a_mailbox_too(world: Place) -> None:
    await world.codes.send("p-anna", "email", "new@example.se", "000001")
    await world.run()
    assert [outgoing.to for outgoing in world.email.sent] == ["new@example.se"]
    await world.codes.confirm("p-anna", "000001")
    assert (await world.contacts.get("p-anna")).email == "new@example.se"


@pytest.mark.attack
async def test_a_code_cannot_be_guessed_by_trying(world: Place) -> None:
    await world.codes.send("p-anna", "sms", NEW_PHONE, "042815")
    for number in range(MAX_TRIES):
        with pytest.raises(CodeError, match="wrong_code"):
            await world.codes.confirm("p-anna", f"{number:06}")
    with pytest.raises(CodeError, match="no_code"):
        await world.codes.confirm("p-anna", "042815")
    assert (await world.contacts.get("p-anna")).phone == PHONE


@pytest.mark.attack
async def test_one_persons_code_is_nobody_elses(world: Place) -> None:
    await world.codes.send("p-anna", "sms", NEW_PHONE, "042815")
    with pytest.raises(CodeError, match="no_code"):
        await world.codes.confirm("p-eva", "042815")
    await world.codes.send("p-eva", "sms", PHONE, "111111")
    with pytest.raises(CodeError, match="wrong_code"):
        await world.codes.confirm("p-eva", "042815")


@pytest.mark.attack
async def test_nobody_is_pestered_with_codes(world: Place) -> None:
    for number in range(MAX_CODES_PER_HOUR):
        await world.codes.send(f"p-{number}", "sms", NEW_PHONE, "042815")
    with pytest.raises(CodeError, match="too_many_codes"):  # whoever asks, the number has had enough
        await world.codes.send("p-anna", "sms", NEW_PHONE, "042815")
    for number in range(MAX_CODES_PER_HOUR - 1):  # the refused one counts
        await world.codes.send("p-anna", "sms", f"+4670174061{number}", "042815")
    with pytest.raises(CodeError, match="too_many_codes"):
        await world.codes.send("p-anna", "sms", "+46701740620", "042815")


async def test_only_the_last_code_counts_and_not_for_long(world: Place, redis_client: Redis) -> None:
    await world.codes.send("p-anna", "sms", NEW_PHONE, "111111")
    await world.codes.send("p-anna", "sms", NEW_PHONE, "222222")
    with pytest.raises(CodeError, match="wrong_code"):
        await world.codes.confirm("p-anna", "111111")
    assert 0 < await redis_client.ttl("ao:contact-code:p-anna") <= CODE_LIFETIME_S
    kept = await redis_client.hgetall("ao:contact-code:p-anna")  # type: ignore[misc]
    assert b"222222" not in b"".join(kept.values())


@pytest.mark.parametrize(("channel", "to"), [("sms", "0701740605"), ("email", "x"), ("sms", EMAIL), ("email", PHONE)])
async def test_what_is_no_place_is_sent_nothing(world: Place, channel: str, to: str) -> None:
    with pytest.raises(ContactError):
        await world.codes.send("p-anna", channel, to, "042815")  # type: ignore[arg-type]
    await world.run()
    assert world.sms.asked == world.email.asked == 0
