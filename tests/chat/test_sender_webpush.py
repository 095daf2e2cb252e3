"""Web push to a push service over real HTTP, and to nobody else."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from chat.notice_sender import Outgoing, SendError
from chat.sender_webpush import KNOWN_HOSTS, WebPushSender, is_known_endpoint
from chat.web_push import decode, load_private_key
from tests.chat.test_web_push import AUTH, OUR_PRIVATE, THEIR_PRIVATE, decrypt, subscription_json

NOW = 1_800_000_000


class PushService:
    def __init__(self) -> None:
        self.status = 201
        self.requests: list[tuple[Any, bytes]] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append((request.headers, await request.read()))
        return web.Response(status=self.status, headers={"Location": self.url})


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    service = PushService()
    app = web.Application()
    app.router.add_post("/push", service.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}/push"
    yield service
    await runner.cleanup()


@pytest.fixture
async def sender() -> AsyncIterator[WebPushSender]:
    sender = WebPushSender(
        load_private_key(OUR_PRIVATE), "mailto:a@b.se", hosts=("127.0.0.1",), schemes=("http",), clock=lambda: NOW
    )
    yield sender
    await sender.close()


def outgoing(to: str) -> Outgoing:
    return Outgoing("n-0123456789abcdef01234567", to, "Nytt meddelande", "Du har ett nytt meddelande.", 3600)


async def test_only_the_browser_can_read_what_the_service_is_given(service: PushService, sender: WebPushSender) -> None:
    assert await sender.send(outgoing(subscription_json(endpoint=service.url))) == ""
    [(headers, body)] = service.requests
    assert b"meddelande" not in body
    plain = json.loads(decrypt(body, load_private_key(THEIR_PRIVATE), decode(AUTH)))
    assert plain == {"title": "Nytt meddelande", "body": "Du har ett nytt meddelande."}
    assert headers["Content-Encoding"] == "aes128gcm"
    assert headers["TTL"] == "3600"
    assert headers["Authorization"].startswith("vapid t=")
    assert len(headers["Topic"]) <= 32


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, "bounced"),
        (410, "bounced"),
        (413, "permanent"),
        (400, "permanent"),
        (307, "permanent"),
        (403, "temporary"),
        (429, "temporary"),
        (502, "temporary"),
    ],
)
async def test_what_the_service_says_decides_what_happens(
    service: PushService, sender: WebPushSender, status: int, kind: str
) -> None:
    service.status = status
    with pytest.raises(SendError) as caught:
        await sender.send(outgoing(subscription_json(endpoint=service.url)))
    assert (caught.value.kind, caught.value.cause) == (kind, f"service_{status}")
    assert len(service.requests) == 1


async def test_a_service_that_is_not_there_may_come_back(sender: WebPushSender) -> None:
    with pytest.raises(SendError) as caught:
        await sender.send(outgoing(subscription_json(endpoint="http://127.0.0.1:1/")))
    assert caught.value.kind == "temporary"


@pytest.mark.attack
async def test_no_address_inside_the_house_is_ever_called(service: PushService) -> None:
    sender = WebPushSender(load_private_key(OUR_PRIVATE), "mailto:a@b.se")
    for endpoint in (service.url, "https://127.0.0.1/", "https://localhost/push", "https://169.254.169.254/latest"):
        with pytest.raises(SendError) as caught:
            await sender.send(outgoing(subscription_json(endpoint=endpoint)))
        assert (caught.value.kind, caught.value.cause) == ("bounced", "unknown_service")
    with pytest.raises(SendError, match="subscription"):
        await sender.send(outgoing("nonsense"))
    assert service.requests == []
    await sender.close()


@pytest.mark.attack
@pytest.mark.parametrize(
    ("endpoint", "is_known"),
    [
        ("https://fcm.googleapis.com/fcm/send/abc", True),
        ("https://updates.push.services.mozilla.com/wpush/v2/abc", True),
        ("https://wns2-par02p.notify.windows.com/w/?token=abc", True),
        ("https://web.push.apple.com/abc", True),
        ("https://FCM.googleapis.com:443/abc", True),
        ("http://fcm.googleapis.com/abc", False),
        ("https://fcm.googleapis.com:8080/abc", False),
        ("https://fcm.googleapis.com.evil.example/abc", False),
        ("https://evilfcm.googleapis.com/abc", False),
        ("https://user@fcm.googleapis.com/abc", False),
        ("https://fcm.googleapis.com@evil.example/abc", False),
        ("https://push.apple.com.evil.example/abc", False),
        ("https://evil.example/?.push.apple.com", False),
        ("file:///etc/passwd", False),
        ("https://[::1/", False),
        ("", False),
    ],
)
def test_which_services_are_known(endpoint: str, is_known: bool) -> None:
    assert is_known_endpoint(endpoint, KNOWN_HOSTS) is is_known
