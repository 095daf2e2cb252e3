"""The outbox: at least once to the receiver, once in the receiver, never before the commit."""

import asyncio
from contextlib import suppress

import httpx2
import pytest
from sqlalchemy import func, select

from companion.models.outbox import OutboxRow
from companion.outbox import DeliveryError, Dispatcher, Event, HttpReceiver
from companion.services import Services
from tests.companion.people import TOKEN_KEYS, VirtualClock


class Journal:
    """A receiver that writes down what comes, and refuses as often as it is told."""

    def __init__(self, refusals: int = 0) -> None:
        self.keys: list[str] = []
        self.refusals = refusals

    async def deliver(self, event: Event) -> None:
        self.keys.append(event.key)
        await asyncio.sleep(0)
        if self.refusals:
            self.refusals -= 1
            raise DeliveryError("no")


async def publish(services: Services, *keys: str) -> None:
    async with services.database.transaction(services.clock()) as transaction:
        for key in keys:
            transaction.publish("role.given", key, thing=key)


async def test_everything_is_delivered_once_in_order(services: Services) -> None:
    await publish(services, "a", "b", "c")
    journal = Journal()
    dispatcher = Dispatcher(services.database, journal, services.clock)
    assert await dispatcher.deliver_due() == 3
    assert await dispatcher.deliver_due() == 0
    assert journal.keys == ["a", "b", "c"]


async def test_what_was_rolled_back_is_never_told(services: Services) -> None:
    with suppress(ZeroDivisionError):
        async with services.database.transaction(services.clock()) as transaction:
            transaction.publish("role.given", "a")
            1 / 0  # noqa: B018
    assert await Dispatcher(services.database, Journal(), services.clock).deliver_due() == 0


async def test_a_refused_message_comes_again_after_growing_pauses(services: Services, clock: VirtualClock) -> None:
    await publish(services, "a")
    journal = Journal(refusals=2)
    dispatcher = Dispatcher(services.database, journal, services.clock)
    tried = []
    for _ in range(5):
        tried.append(await dispatcher.deliver_due())
        clock.advance(seconds=1)
    assert tried == [1, 1, 0, 1, 0]
    assert journal.keys == ["a"] * 3


async def test_dispatchers_beside_each_other_share_the_work(services: Services) -> None:
    await publish(services, *(f"k{number}" for number in range(80)))
    journal = Journal()
    dispatchers = [Dispatcher(services.database, journal, services.clock) for _ in range(4)]
    await asyncio.gather(*(dispatcher.deliver_due() for dispatcher in dispatchers))
    assert len(journal.keys) == len(set(journal.keys)) == 80


async def test_what_a_dead_dispatcher_took_is_taken_again(services: Services, clock: VirtualClock) -> None:
    class Crash(Journal):
        async def deliver(self, event: Event) -> None:
            raise asyncio.CancelledError

    await publish(services, "a")
    with pytest.raises(asyncio.CancelledError):
        await Dispatcher(services.database, Crash(), services.clock).deliver_due()
    journal = Journal()
    survivor = Dispatcher(services.database, journal, services.clock)
    assert await survivor.deliver_due() == 0
    clock.advance(seconds=31)
    assert await survivor.deliver_due() == 1
    async with services.database.reading(services.clock()) as transaction:
        undelivered = select(func.count()).where(OutboxRow.delivered_at.is_(None))
        assert await transaction.session.scalar(undelivered) == 0


async def test_the_front_gets_a_service_token_and_the_key(clock: VirtualClock) -> None:
    seen = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(204 if len(seen) == 1 else 500)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
        receiver = HttpReceiver("http://front/api/companion/events", TOKEN_KEYS, http, clock)
        event = Event("k", "role.given", clock.now, {"id": "x"})
        await receiver.deliver(event)
        with pytest.raises(DeliveryError, match="500"):
            await receiver.deliver(event)
    token = seen[0].headers["authorization"].removeprefix("Bearer ")
    claims = TOKEN_KEYS.check_service(token, now=clock.now.timestamp(), scope="companion:events")
    assert (claims.service, seen[0].headers["idempotency-key"]) == ("companion", "k")


async def test_a_kind_that_is_not_listed_is_written_by_nobody(services: Services) -> None:
    async with services.database.reading(services.clock()) as transaction:
        with pytest.raises(ValueError, match="no such kind"):
            transaction.publish("thing.happened", "key")
