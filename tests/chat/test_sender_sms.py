"""SMS through a gateway over real HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from chat.notice_sender import Outgoing, SendError
from chat.sender_sms import SmsSender

OUTGOING = Outgoing("n-1", "+46701234567", "", "Du har ett nytt meddelande.")


class Gateway:
    """Answers as told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.status = 201
        self.body: Any = {"id": "g-77"}
        self.headers: dict[str, str] = {}
        self.asked: list[tuple[dict[str, Any], str, str]] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append((await request.json(), request.headers["Authorization"], request.headers["Idempotency-Key"]))
        if isinstance(self.body, str):
            return web.Response(status=self.status, text=self.body, headers=self.headers)
        return web.json_response(self.body, status=self.status, headers=self.headers)


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    gateway = Gateway()
    app = web.Application()
    app.router.add_post("/sms", gateway.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    gateway.url = f"http://127.0.0.1:{runner.addresses[0][1]}/sms"
    yield gateway
    await runner.cleanup()


@pytest.fixture
async def sender(gateway: Gateway) -> AsyncIterator[SmsSender]:
    sender = SmsSender(gateway.url, "token", "AlltidOppet")
    yield sender
    await sender.close()


async def test_an_sms_is_handed_over_with_its_id(gateway: Gateway, sender: SmsSender) -> None:
    assert await sender.send(OUTGOING) == "g-77"
    [(body, authorization, key)] = gateway.asked
    assert body == {"id": "n-1", "from": "AlltidOppet", "to": "+46701234567", "text": OUTGOING.text}
    assert (authorization, key) == ("Bearer token", "n-1")


@pytest.mark.parametrize("body", [{}, [], "taken", ""])
async def test_a_gateway_without_references_is_known_by_ours(gateway: Gateway, sender: SmsSender, body: Any) -> None:
    gateway.body = body
    assert await sender.send(OUTGOING) == "n-1"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, "bounced"),
        (422, "bounced"),
        (400, "permanent"),
        (302, "permanent"),
        (401, "temporary"),
        (429, "temporary"),
        (503, "temporary"),
    ],
)
async def test_what_the_gateway_says_decides_what_happens(
    gateway: Gateway, sender: SmsSender, status: int, kind: str
) -> None:
    gateway.status, gateway.headers = status, {"Location": gateway.url}
    with pytest.raises(SendError) as caught:
        await sender.send(OUTGOING)
    assert (caught.value.kind, caught.value.cause) == (kind, f"gateway_{status}")
    assert len(gateway.asked) == 1


async def test_a_gateway_that_is_not_there_may_come_back() -> None:
    sender = SmsSender("http://127.0.0.1:1/", "token", "A")
    with pytest.raises(SendError) as caught:
        await sender.send(OUTGOING)
    assert caught.value.kind == "temporary"
    await sender.close()
    await sender.close()
