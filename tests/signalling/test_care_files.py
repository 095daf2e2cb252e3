"""Archived files come through the front: of any length, in parts, saved and never shown, and to nobody else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, web
from aiohttp.test_utils import TestServer

from chat.archive import Transcript
from chat.conversation import Conversation
from companion.services import Services
from signalling.care_files import CareFiles
from signalling.companion_answers import MAX_ANSWER_BYTES
from signalling.companion_archive import CompanionArchive, CompanionFileArchive
from signalling.companion_client import CompanionClient
from signalling.companion_policy import RetryPolicy
from signalling.front import Front
from tests.chat.test_attachments import chunks
from tests.patience import PATIENCE_S
from tests.signalling.archive_server import real_companion
from tests.signalling.browsing import PROVIDER, UNIT, Browser, browser_of, patient, staff
from tests.signalling.conftest import KEYS, NOW, MakeFront
from tests.signalling.test_case_api import ANNA
from tests.signalling.test_companion_archive import CASE, FILE, event

pytestmark = pytest.mark.usefixtures("worker")
PATH = f"/api/care/cases/archived/{CASE}/files/{FILE}"
DATA = bytes(range(256)) * (MAX_ANSWER_BYTES // 256 + 4000)
"""More than the front holds of any other answer."""


@pytest.fixture
async def companion(tmp_path: Path) -> AsyncIterator[tuple[str, Services]]:
    async with real_companion(tmp_path, lambda: NOW) as found:
        yield found


@pytest.fixture
async def front(make_front: MakeFront, companion: tuple[str, Services]) -> Front:
    front = await make_front(companion_url=companion[0])
    client = CompanionClient(companion[0], KEYS, wall_clock=lambda: NOW, retries=RetryPolicy(attempt_s=10, total_s=20))
    await CompanionFileArchive(client, max_bytes=len(DATA)).store(CASE, FILE, chunks(DATA, 1_000_000))
    view = {"attachment_id": FILE, "name": 'rön"tgen å.exe', "media_type": "text/html", "size_bytes": len(DATA)}
    carrying = type(event(1))(**vars(event(1)) | {"body": {"text": "", "attachments": [view]}})
    conversation = Conversation(CASE, PROVIDER, UNIT, ANNA, title="Fråga", state="closed")
    await CompanionArchive(client).store(Transcript(conversation, 1, 1, (carrying,)))
    await client.close()
    return front


async def fetched(browser: Browser, path: str = PATH, **headers: str) -> tuple[int, bytes, Any]:
    sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())} | headers
    async with browser.http.get(path, headers=sent) as response:
        return response.status, await response.read(), response.headers


async def test_patient_and_unit_save_a_file_of_any_length(front: Front) -> None:
    for session in (patient(ANNA), staff()):
        browser = await browser_of(front, session)
        status, data, headers = await fetched(browser)
        assert (status, data == DATA, headers["Content-Length"]) == (200, True, str(len(DATA)))
        assert headers["Content-Type"] == "application/octet-stream"
        assert headers["Content-Disposition"].startswith('attachment; filename="r_n_tgen _.exe"')
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in headers["Content-Security-Policy"]
        assert "no-store" in headers["Cache-Control"]
        await browser.close()


async def test_a_download_that_broke_goes_on_where_it_was(front: Front) -> None:
    browser = await browser_of(front, patient(ANNA))
    _, _, whole = await fetched(browser)
    more = {"Range": "bytes=4000000-4999999", "If-Range": whole["ETag"]}
    status, data, headers = await fetched(browser, **more)
    assert (status, data == DATA[4_000_000:5_000_000]) == (206, True)
    assert headers["Content-Range"] == f"bytes 4000000-4999999/{len(DATA)}"
    assert (await fetched(browser, Range="bytes=0-9, 20-29"))[0] == 200
    assert (await fetched(browser, **{"Range": "bytes=0-9", "If-Range": "yesterday"}))[0] == 200
    status, data, _ = await fetched(browser, Range=f"bytes={len(DATA)}-")
    assert status == 416
    assert b"range_not_satisfiable" in data
    await browser.close()


@pytest.mark.attack
async def test_nobody_else_gets_any_of_it(front: Front) -> None:
    elsewhere = staff(unit="SE5566778899-2001", provider="SE5566778899-0001")
    for session, expected in ((patient("p-" + "z" * 26), 404), (elsewhere, 404), (staff("sre"), 403), (None, 401)):
        browser = await browser_of(front, session)
        for headers in ({}, {"Range": "bytes=0-9"}):
            status, data, _ = await fetched(browser, **headers)
            assert status == expected
            assert DATA[:10] not in data
        await browser.close()
    browser = await browser_of(front, patient(ANNA))
    assert (await fetched(browser, PATH.replace(FILE, "..%2f..%2fx")))[0] == 404
    await browser.close()


# --- a companion that fails on the way ------------------------------------------------------------------------------


@pytest.fixture
async def failing(make_front: MakeFront) -> AsyncIterator[tuple[Front, asyncio.Event]]:
    """A front before a companion that sends half of a file and then, when told so, cuts the connection."""
    may_go_on = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        if "/files/" not in request.path:
            return web.json_response({}, status=503)
        response = web.StreamResponse(headers={"Content-Length": str(len(DATA))})
        await response.prepare(request)
        await response.write(DATA[:100_000])
        await may_go_on.wait()
        assert request.transport is not None
        request.transport.abort()
        return response

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    server = TestServer(app)
    await server.start_server()
    yield await make_front(companion_url=str(server.make_url("")).rstrip("/")), may_go_on
    may_go_on.set()
    await server.close()


async def test_a_file_that_breaks_off_is_not_taken_for_a_whole_one(failing: tuple[Front, asyncio.Event]) -> None:
    front, may_go_on = failing
    may_go_on.set()
    browser = await browser_of(front, patient(ANNA))
    with pytest.raises(ClientError):
        await fetched(browser)
    await browser.close()


async def test_so_many_at_once_and_no_more(
    failing: tuple[Front, asyncio.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    front, may_go_on = failing
    files: Any = front.companion.care._files
    monkeypatch.setattr(files, "_places", 1)
    first, second = await browser_of(front, patient(ANNA)), await browser_of(front, patient(ANNA))
    slow = asyncio.create_task(fetched(first))
    async with asyncio.timeout(PATIENCE_S):
        while files._places:
            await asyncio.sleep(0.01)
    assert (await fetched(second))[0] == 503
    may_go_on.set()
    with pytest.raises(ClientError):
        await slow
    async with asyncio.timeout(PATIENCE_S):
        while not files._places:
            await asyncio.sleep(0.01)
    for browser in (first, second):
        await browser.close()


async def test_a_browser_that_takes_nothing_is_given_up(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    stalled = CareFiles(stalled_s=0.2)
    monkeypatch.setattr(front.companion.care, "_files", stalled)
    places = stalled._places
    browser = await browser_of(front, patient(ANNA))
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    host, _, port = front.http_url.removeprefix("http://").rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port), limit=1024)
    writer.write(f"GET {PATH} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode())
    async with asyncio.timeout(PATIENCE_S):
        while stalled._places == places:
            await asyncio.sleep(0.01)
        while stalled._places != places:
            await asyncio.sleep(0.01)
    writer.close()
    await browser.close()
