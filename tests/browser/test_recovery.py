"""What breaks comes back by itself: nobody presses anything."""

from contextlib import AsyncExitStack

from tests.browser.conftest import Visitor
from tests.browser.people import Person
from tests.browser.polling import until
from tests.browser.relay import UdpRelay
from tests.browser.service import Room


async def test_reload_takes_the_same_place_again(room: Room, visitor: Visitor) -> None:
    anna = await visitor("Anna", room.link("Anna"))
    bo = await visitor("Bo", room.link("Bo"))
    await anna.sees_and_hears(1)
    before = (await bo.meeting())["selfId"]
    await bo.page.reload()
    await until(bo.is_in, "Bo is in the room again")
    assert (await bo.meeting())["selfId"] == before
    await bo.sees_and_hears(1)
    await anna.sees_and_hears(1)
    await anna.sees_tiles(2)


async def test_a_new_source_port_goes_on_without_negotiation(
    room: Room, visitor: Visitor, people: AsyncExitStack
) -> None:
    relay = await people.enter_async_context(UdpRelay(("127.0.0.1", await room.service.media_port())))
    anna = await visitor("Anna", room.link("Anna"), relay=relay)
    bo = await visitor("Bo", room.link("Bo"))
    await anna.sees_and_hears(1)
    before = await anna.descriptions()
    await relay.move()
    await anna.sees_and_hears(1)
    await bo.sees_and_hears(1)
    assert await anna.descriptions() == before


async def test_a_change_of_network_restarts_ice_on_the_same_connection(
    room: Room, visitor: Visitor, people: AsyncExitStack
) -> None:
    relay = await people.enter_async_context(UdpRelay(("127.0.0.1", await room.service.media_port())))
    anna = await visitor("Anna", room.link("Anna"), relay=relay)
    bo = await visitor("Bo", room.link("Bo"))
    await anna.sees_and_hears(1)
    before = await anna.page.evaluate("window.__probe.localUfrag()")
    await relay.move()
    await anna.page.evaluate("void dispatchEvent(new Event('online'))")

    async def restarted() -> bool:
        return bool(await anna.page.evaluate("window.__probe.localUfrag()") != before)

    await until(restarted, "Anna's connection has new ICE credentials")
    await anna.sees_and_hears(1)
    await bo.sees_and_hears(1)
    assert (await anna.state())["connections"] == 1


async def test_a_lost_signalling_socket_is_replaced_while_media_flows(room: Room, visitor: Visitor) -> None:
    anna = await visitor("Anna", room.link("Anna"))
    bo = await visitor("Bo", room.link("Bo"))
    await anna.sees_and_hears(1)
    before = await anna.descriptions()
    sockets = (await anna.state())["sockets"]
    await anna.page.evaluate("window.__probe.loseSocket()")

    async def has_new_socket() -> bool:
        state = await anna.state()
        return bool(state["sockets"] > sockets and state["open"] and await anna.is_in())

    await until(has_new_socket, "Anna has a new socket and is in the room")
    await anna.sees_and_hears(1)
    assert await anna.descriptions() == before
    # The new socket is bound to the same participation: the room hears of what she does.
    await anna.press("toggle-microphone")

    async def is_told() -> bool:
        return any(tile["self"] == "false" and tile["microphone"] == "false" for tile in await bo.tiles())

    await until(is_told, "Bo is told that Anna is muted")


async def test_after_the_death_of_the_media_worker_everybody_joins_anew(room: Room, visitor: Visitor) -> None:
    people: list[Person] = [await visitor(name, room.link(name)) for name in ("Anna", "Bo")]
    await people[0].sees_and_hears(1)
    await room.service.kill_worker()

    async def has_new_connection(person: Person) -> bool:
        state = await person.state()
        return bool(state["connections"] > 1 and state["connection"] == "connected")

    for person in people:
        await until(lambda person=person: has_new_connection(person), f"{person.name} has a new connection")
    for person in people:
        await person.sees_and_hears(1)
        await person.sees_tiles(2)
