"""From the wish to tell somebody to how it ended, over a real Valkey with senders that do as they are told."""

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from chat.contacts import Contacts
from chat.notice_delivery import REST_S, SLOW_S, NoticeDelivery, Notices
from chat.notice_linter import NoticeRefusedError
from chat.notice_outbox import NoticeOutbox
from chat.notice_retries import MAX_ATTEMPTS
from chat.notice_sender import Outgoing, SendError
from chat.notices import LIFETIME_S, Channel, Contact, Notice

NOW = 1_800_000_000
PHONE, EMAIL = "+46701234567", "anna@example.se"
UNIT = {"unit": "Kronans vårdcentral"}


class ScriptedSender:
    """Answers each notice with the next of ``answers``, the last one for ever."""

    def __init__(
        self, channel: Channel, answers: list[SendError | None] | None = None, *, repeats_safely: bool = True
    ) -> None:
        self.channel: Channel = channel
        self.repeats_safely = repeats_safely
        self.sent: list[Outgoing] = []
        self.asked = 0
        self.answers: list[SendError | None] = answers or [None]
        self.before: Callable[[], None] = lambda: None
        self.is_closed = False

    async def send(self, outgoing: Outgoing) -> str:
        self.asked += 1
        self.before()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is not None:
            raise answer
        self.sent.append(outgoing)
        return f"reference-{outgoing.notice_id}"

    async def close(self) -> None:
        self.is_closed = True


class World:
    def __init__(self, redis: Redis) -> None:
        self.now = float(NOW)
        self.redis = redis
        self.contacts = Contacts(redis)
        self.outbox = NoticeOutbox(redis, "front-1")
        self.notices = Notices(self.outbox, self.contacts, address="https://alltid.example", clock=lambda: self.now)
        self.sms, self.email, self.push = (ScriptedSender(channel) for channel in ("sms", "email", "push"))
        self.ended: Counter[tuple[str, str]] = Counter()
        self.delivery = self.front("front-1")

    def front(self, name: str, abandoned_ms: int = 60_000) -> NoticeDelivery:
        return NoticeDelivery(
            NoticeOutbox(self.redis, name),
            self.contacts,
            [self.sms, self.email, self.push],
            clock=lambda: self.now,
            draw=lambda: 1.0,
            on_end=lambda channel, state: self.ended.update([(channel, state)]),
            abandoned_ms=abandoned_ms,
        )

    async def tell(self, key: str = "k", template: str = "new_message", **parameters: str) -> list[str]:
        return await self.notices.tell("p-anna", template, UNIT | parameters, key=key)

    async def run(self) -> None:
        """Until nothing is left to do now."""
        while await self.delivery.step():
            pass

    async def status(self, notice_id: str) -> tuple[str, str]:
        status = await self.outbox.status(notice_id)
        assert status is not None
        return str(status.state), status.cause


@pytest.fixture
async def world(redis_client: Redis) -> World:
    world = World(redis_client)
    await world.outbox.start()
    await world.contacts.put("p-anna", Contact(phone=PHONE, email=EMAIL))
    return world


async def test_somebody_is_told_by_sms_in_neutral_words(world: World) -> None:
    [notice_id] = await world.tell()
    await world.run()
    [outgoing] = world.sms.sent
    assert outgoing.to == PHONE
    assert outgoing.text == (
        "Du har ett nytt meddelande från Kronans vårdcentral. Logga in på https://alltid.example och läs det."
    )
    assert await world.status(notice_id) == ("sent", "")
    assert world.ended == {("sms", "sent"): 1}
    assert world.email.sent == []


async def test_the_same_key_tells_once_even_later(world: World) -> None:
    first = await world.tell()
    await world.run()
    assert await world.tell() == first
    await world.run()
    assert len(world.sms.sent) == 1
    await world.tell("another")
    await world.run()
    assert len(world.sms.sent) == 2


async def test_two_fronts_send_each_notice_once(world: World) -> None:
    for number in range(30):
        await world.tell(f"k{number}")
    other = world.front("front-2")
    for _ in range(4):
        await asyncio.gather(world.delivery.step(), other.step())
    assert len(world.sms.sent) == len({outgoing.notice_id for outgoing in world.sms.sent}) == 30


@pytest.mark.attack
async def test_a_unit_whose_name_says_too_much_is_not_named(world: World) -> None:
    await world.tell(unit="Onkologiska kliniken")
    await world.tell("k2", unit="")
    await world.run()
    assert ["din vårdkontakt" in outgoing.text for outgoing in world.sms.sent] == [True, True]


@pytest.mark.attack
async def test_of_a_protected_person_no_notice_says_which_unit(world: World) -> None:
    await world.tell()
    await world.contacts.put("p-anna", Contact(phone=PHONE, is_protected=True))  # after it was queued
    await world.tell("k2")
    await world.run()
    assert len(world.sms.sent) == 2
    assert not [outgoing for outgoing in world.sms.sent if "Kronan" in outgoing.text]


@pytest.mark.attack
@pytest.mark.parametrize(
    ("template", "parameters"),
    [("free_text", {}), ("new_message", {"text": "Du har cancer"}), ("meeting_reminder", {"when": "kl 10, provsvar"})],
)
async def test_what_no_template_says_is_refused_at_once(
    world: World, template: str, parameters: dict[str, str]
) -> None:
    with pytest.raises(NoticeRefusedError):
        await world.tell(template=template, **parameters)


async def test_who_has_said_no_place_is_not_told(world: World) -> None:
    assert await world.notices.tell("p-eva", "new_message", UNIT, key="k") == []


async def test_push_goes_beside_sms(world: World) -> None:
    await world.contacts.subscribe("p-anna", "{}")
    assert len(await world.tell()) == 2
    await world.run()
    assert (len(world.push.sent), len(world.sms.sent)) == (1, 1)
    assert world.push.sent[0].subject == "Nytt meddelande"


async def test_a_failure_that_passes_is_bridged_with_growing_pauses(world: World) -> None:
    world.sms.answers = [SendError("temporary", "gateway_503")] * 2 + [None]
    [notice_id] = await world.tell()
    await world.run()
    assert await world.status(notice_id) == ("queued", "gateway_503")
    world.now += 9
    await world.run()
    assert world.sms.asked == 1
    world.now += 1
    await world.run()
    assert world.sms.asked == 2
    world.now += 30
    await world.run()
    assert await world.status(notice_id) == ("sent", "")
    assert len(world.sms.sent) == 1


async def test_after_the_last_attempt_the_next_channel_is_tried(world: World) -> None:
    world.sms.answers = [SendError("temporary", "gateway_503")]
    [notice_id] = await world.tell()
    for _ in range(MAX_ATTEMPTS + 2):
        await world.run()
        world.now += 3600
    assert await world.status(notice_id) == ("failed", "gateway_503")
    assert world.sms.asked == MAX_ATTEMPTS
    assert [outgoing.to for outgoing in world.email.sent] == [EMAIL]


async def test_a_number_that_is_none_leads_to_mail_at_once(world: World) -> None:
    world.sms.answers = [SendError("bounced", "gateway_404")]
    [notice_id] = await world.tell()
    await world.run()
    assert await world.status(notice_id) == ("bounced", "gateway_404")
    assert len(world.email.sent) == 1
    assert world.ended == {("sms", "bounced"): 1, ("email", "sent"): 1}


@pytest.mark.parametrize("dies_at", ["fall_back", "watch", "settle"])
async def test_a_front_that_dies_after_a_bounce_leaves_the_next_channel_to_another(
    world: World, dies_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_arguments: object, **_options: object) -> None:
        raise ConnectionError

    heard: list[tuple[str, str]] = []

    async def hear(notice: Notice, state: str) -> None:
        heard.append((notice.channel, state))

    await world.tell()
    world.sms.answers = [SendError("bounced", "gateway_404")]
    with monkeypatch.context() as dying:
        if dies_at == "fall_back":
            dying.setattr(world.delivery, "fall_back", die)
        elif dies_at == "watch":
            world.delivery.watchers = [die]
        else:
            dying.setattr(NoticeOutbox, "settle", die)
        with pytest.raises(ConnectionError):
            await world.delivery.step()
    world.delivery = world.front("front-2", abandoned_ms=0)
    world.delivery.watchers = [hear]
    await world.run()
    assert len(world.email.sent) == 1
    assert sorted(heard) == [("email", "sent"), ("sms", "bounced")]


async def test_a_front_that_stops_lets_what_it_sends_end(world: World) -> None:
    await world.contacts.put("p-anna", Contact(email=EMAIL))
    world.email.repeats_safely = False
    begun, goes_on = asyncio.Event(), asyncio.Event()
    send = world.email.send

    async def slow(outgoing: Outgoing) -> str:
        begun.set()
        await goes_on.wait()
        return await send(outgoing)

    world.email.send = slow  # type: ignore[method-assign]
    [notice_id] = await world.tell()
    sending = asyncio.create_task(world.delivery.step())
    await begun.wait()
    sending.cancel()
    await asyncio.wait([sending])
    finishing = asyncio.create_task(world.delivery.finish(5))
    goes_on.set()
    await finishing
    assert await world.status(notice_id) == ("sent", "")
    assert len(world.email.sent) == 1


async def test_a_front_that_stops_does_not_wait_for_ever(world: World) -> None:
    async def endless(_outgoing: Outgoing) -> str:
        await asyncio.Event().wait()
        raise AssertionError

    world.sms.send = endless  # type: ignore[method-assign]
    [notice_id] = await world.tell()
    sending = asyncio.create_task(world.delivery.step())
    while (await world.status(notice_id))[0] != "sending":
        await asyncio.sleep(0)
    sending.cancel()
    await asyncio.wait([sending])
    await world.delivery.finish(0.01)
    assert await world.status(notice_id) == ("sending", "")
    await world.delivery.finish(0.01)


async def test_a_gateway_that_does_not_answer_rests_and_the_others_do_not_wait_for_it(world: World) -> None:
    def take_long() -> None:
        world.now += SLOW_S

    world.sms.before = take_long
    world.sms.answers = [SendError("temporary", "TimeoutError")]
    await world.tell("k1")
    await world.run()
    [notice_id] = await world.tell("k2")
    await world.contacts.subscribe("p-anna", "{}")
    await world.tell("k3")
    await world.run()
    assert world.sms.asked == 1
    assert len(world.push.sent) == 1
    assert await world.status(notice_id) == ("queued", "channel_rests")
    world.sms.answers, world.sms.before = [None], lambda: None
    world.now += REST_S
    await world.run()
    assert len(world.sms.sent) == 3


async def test_what_may_have_told_somebody_is_known_by_its_key(world: World) -> None:
    assert not await world.notices.may_have_told("k")
    world.sms.answers, world.email.answers = [SendError("bounced", "")], [SendError("bounced", ""), None]
    await world.tell()
    assert await world.notices.may_have_told("k")
    await world.run()
    assert not await world.notices.may_have_told("k")
    await world.tell("k2")
    await world.run()
    assert await world.notices.may_have_told("k2")  # by e-mail in the end


async def test_old_news_is_no_news(world: World) -> None:
    [notice_id] = await world.tell()
    world.now += LIFETIME_S
    await world.run()
    assert await world.status(notice_id) == ("failed", "expired")
    assert (world.sms.asked, world.email.asked) == (0, 0)


async def test_the_place_is_the_one_of_the_moment_of_sending(world: World) -> None:
    await world.tell()
    await world.contacts.put("p-anna", Contact(phone="+46709999999", language="en"))
    await world.run()
    assert world.sms.sent[0].to == "+46709999999"
    assert world.sms.sent[0].text.startswith("You have a new message")


async def test_who_has_no_number_any_more_is_told_by_mail(world: World) -> None:
    [notice_id] = await world.tell()
    await world.contacts.put("p-anna", Contact(email=EMAIL))
    await world.run()
    assert await world.status(notice_id) == ("failed", "no_address")
    assert len(world.email.sent) == 1


async def interrupted(world: World) -> str:
    """A notice that a front began to send when it died."""
    [notice_id] = await world.tell()
    await world.outbox.take(NOW, 10)
    return notice_id


async def test_an_interrupted_sms_is_sent_again_with_the_same_id(world: World) -> None:
    notice_id = await interrupted(world)
    await world.front("front-2", abandoned_ms=0).step()
    assert [outgoing.notice_id for outgoing in world.sms.sent] == [notice_id]


async def test_an_interrupted_mail_is_not_sent_twice(world: World) -> None:
    await world.contacts.put("p-anna", Contact(email=EMAIL))
    world.email.repeats_safely = False
    notice_id = await interrupted(world)
    await world.front("front-2", abandoned_ms=0).step()
    assert world.email.asked == 0
    assert await world.status(notice_id) == ("failed", "interrupted")


async def test_a_browser_that_is_gone_is_forgotten_and_the_others_are_told(world: World) -> None:
    for browser in ("one", "two"):
        await world.contacts.subscribe("p-anna", browser)
    world.push.answers = [SendError("bounced", "service_410"), None]
    await world.tell()
    await world.run()
    assert [outgoing.to for outgoing in world.push.sent] == ["two"]
    assert (await world.contacts.get("p-anna")).subscriptions == ("two",)


async def test_a_channel_without_a_sender_fails_and_falls_back(world: World) -> None:
    world.delivery = NoticeDelivery(
        world.outbox, world.contacts, [world.email], clock=lambda: world.now, draw=lambda: 1.0
    )
    await world.tell()
    await world.run()
    assert len(world.email.sent) == 1


async def test_closing_closes_the_senders(world: World) -> None:
    await world.delivery.close()
    assert world.sms.is_closed
    assert world.email.is_closed
