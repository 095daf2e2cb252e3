"""Attachments over HTTP: the whole way, and every way off it (attack row 12)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import quote

import pytest

from chat.attachments import ATTACHMENT_ERROR_CODES
from chat.cases import CaseAct, apply
from signalling.attachment_api import _CODES, AttachmentApi, disposition
from signalling.front import Front
from signalling.http_errors import HTTP_ERRORS
from signalling.limits import Buckets
from signalling.upload_places import UploadPlaces
from tests.chat.fake_clamd import EICAR, FakeClamd
from tests.chat.test_attachments import TEXT
from tests.chat.test_cases import POLICY
from tests.chat.test_pictures import png_of_claimed_size, with_exif
from tests.patience import PATIENCE_S
from tests.signalling import test_case_api
from tests.signalling.browsing import Browser, browser_of, patient, staff
from tests.signalling.conftest import NOW, MakeFront, meeting_token
from tests.signalling.test_case_api import ANNA, EVA, OTHER_PROVIDER, OTHER_UNIT, Log, opened, unit_settings

front, log_in, anna, karin = test_case_api.front, test_case_api.log_in, test_case_api.anna, test_case_api.karin


@pytest.fixture
async def case(anna: Browser) -> str:
    return f"/api/cases/{(await opened(anna))['case_id']}"


async def reserve(browser: Browser, case: str, size: int) -> dict[str, Any]:
    status, address = await browser.send("POST", f"{case}/attachments", {"size_bytes": size})
    assert status == 201, address
    return dict(address)


async def put(browser: Browser, url: str, data: Any, name: str = "values.txt", **headers: str) -> tuple[int, Any]:
    own = {"Origin": browser.url, "X-File-Name": quote(name)} | headers
    status, body, _ = await browser.ask("PUT", url, data=data, headers=own)
    return status, body


async def upload(
    browser: Browser, case: str, data: bytes = TEXT, name: str = "values.txt", **headers: str
) -> dict[str, Any]:
    address = await reserve(browser, case, len(data))
    status, view = await put(browser, address["url"], data, name, **headers)
    assert status == 201, view
    return dict(view)


async def refused(browser: Browser, case: str, data: bytes, name: str = "a.txt", **headers: str) -> tuple[int, str]:
    address = await reserve(browser, case, len(data))
    status, body = await put(browser, address["url"], data, name, **headers)
    return status, body["error"]["code"]


async def use(front: Front, case: str, person: str, attachment_id: str) -> None:
    """What a message does that carries the file."""
    await front.cases.attachments.check_usable(case.rpartition("/")[2], person, [attachment_id])


async def fetch(browser: Browser, case: str, attachment_id: str) -> tuple[int, bytes, Any]:
    status, address = await browser.send("GET", f"{case}/attachments/{attachment_id}")
    if status != 200:
        return status, b"", None
    async with browser.http.get(address["url"], headers={"Cookie": cookie(browser)}) as response:
        return response.status, await response.read(), response.headers


def cookie(browser: Browser) -> str:
    return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())


async def test_a_picture_goes_to_the_unit_and_comes_without_its_place(
    front: Front, anna: Browser, karin: Browser, case: str
) -> None:
    view = await upload(anna, case, with_exif(), "Utslag på armen.jpg", **{"Content-Type": "image/jpeg"})
    assert (view["media_type"], view["name"], view["width"]) == ("image/jpeg", "Utslag på armen.jpg", 40)
    assert (await fetch(karin, case, view["attachment_id"]))[0] == 404
    await use(front, case, ANNA, view["attachment_id"])
    status, data, headers = await fetch(karin, case, view["attachment_id"])
    assert (status, len(data)) == (200, view["size_bytes"])
    assert b"Secret camera" not in data
    assert headers["Content-Type"] == "image/jpeg"
    assert headers["Content-Disposition"].startswith("inline; ")


@pytest.mark.attack
async def test_what_is_no_picture_is_only_ever_saved_and_runs_nowhere(anna: Browser, case: str) -> None:
    view = await upload(anna, case, name="värden.txt")
    status, data, headers = await fetch(anna, case, view["attachment_id"])
    assert (status, data) == (200, TEXT)
    assert headers["Content-Disposition"] == "attachment; filename=\"v_rden.txt\"; filename*=UTF-8''v%C3%A4rden.txt"
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "no-store" in headers["Cache-Control"]


@pytest.mark.attack
async def test_hostile_files_are_refused(anna: Browser, case: str) -> None:
    stored_script = b"<html><script>fetch('//evil')</script>"
    assert await refused(anna, case, stored_script) == (415, "file_refused")
    assert await refused(anna, case, b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", "a.svg") == (
        415,
        "file_refused",
    )
    assert await refused(anna, case, with_exif(), "a.html") == (415, "file_refused")
    assert await refused(anna, case, with_exif(), "a.jpg", **{"Content-Type": "text/html"}) == (415, "file_refused")
    assert await refused(anna, case, png_of_claimed_size(30_000, 30_000, b""), "a.png") == (415, "picture_refused")
    assert await refused(anna, case, b"MZ\x90\x00", "a.txt") == (415, "file_refused")


@pytest.mark.attack
async def test_a_name_that_is_a_path_or_a_header_stays_a_name(anna: Browser, case: str) -> None:
    view = await upload(anna, case, name='../../etc/cron.d/x\r\nSet-Cookie: a=b".txt')
    assert not set(view["name"]) & set('/\\"\r\n')
    _, _, headers = await fetch(anna, case, view["attachment_id"])
    assert "Set-Cookie" not in headers


@pytest.mark.attack
async def test_an_address_is_worth_nothing_to_anybody_else(
    anna: Browser, karin: Browser, log_in: Log, case: str
) -> None:
    address = await reserve(anna, case, len(TEXT))
    eva = await log_in(patient(EVA))
    nobody = await log_in(patient(EVA))
    nobody.cookies.clear()
    for browser, expected in ((eva, 404), (karin, 404), (nobody, 401)):
        assert (await put(browser, address["url"], TEXT))[0] == expected
    assert (await put(anna, address["url"], TEXT, Origin="https://evil.example"))[0] == 403
    status, view = await put(anna, address["url"], TEXT)
    assert status == 201
    _, download = await anna.send("GET", f"{case}/attachments/{view['attachment_id']}")
    for browser, expected in ((eva, 404), (karin, 404), (nobody, 401), (anna, 200)):
        assert (await browser.ask("GET", download["url"]))[0] == expected


@pytest.mark.attack
async def test_an_address_is_for_one_purpose_one_file_and_a_short_time(
    make_front: MakeFront, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLTID_CHAT_ARCHIVE_DIR", str(tmp_path / "archive"))
    now = NOW
    front = await make_front(clock=lambda: now)
    await front.cases.units.put(unit_settings())
    anna = await browser_of(front, patient(ANNA))
    case = f"/api/cases/{(await opened(anna))['case_id']}"
    address = await reserve(anna, case, len(TEXT))
    assert (await anna.ask("GET", address["url"]))[0] == 404
    forged = address["url"][:-1] + ("E" if address["url"].endswith("A") else "A")
    assert (await put(anna, forged, TEXT))[0] == 404
    assert (await put(anna, address["url"], TEXT + b"!"))[0] == 413
    assert (await put(anna, address["url"], TEXT))[0] == 201
    assert (await put(anna, address["url"], TEXT))[0] == 409
    late = await reserve(anna, case, len(TEXT))
    now += front.settings.upload_address_lifetime_s
    status, body = await put(anna, late["url"], TEXT)
    assert (status, body["error"]["code"]) == (410, "address_expired")
    await anna.close()


@pytest.mark.attack
async def test_a_body_that_lies_about_its_length_is_cut_off(anna: Browser, case: str) -> None:
    address = await reserve(anna, case, 1000)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield bytes(1000)

    try:
        status, body = await put(anna, address["url"], endless())
    except OSError:  # the server answered and closed while we were still sending
        return
    assert (status, body["error"]["code"]) == (413, "too_large")


@pytest.mark.attack
async def test_no_room_for_what_is_too_large_or_too_much(anna: Browser, case: str) -> None:
    status, body = await anna.send("POST", f"{case}/attachments", {"size_bytes": 2**30})
    limit = {"of": "file_bytes", "most": 20 * 1024 * 1024}
    assert (status, body) == (413, {"error": {"code": "too_large", "limit": limit}})
    for _ in range(10):
        await reserve(anna, case, 10)
    status, body = await anna.send("POST", f"{case}/attachments", {"size_bytes": 10})
    assert (status, body) == (429, {"error": {"code": "too_many", "limit": {"of": "pending_files", "most": 10}}})


@pytest.mark.attack
async def test_nothing_is_attached_to_a_closed_case(front: Front, anna: Browser, case: str) -> None:
    case_id = case.rpartition("/")[2]
    await front.cases.service.cases.change(case_id, lambda case: apply(case, CaseAct.CLOSE, now_s=NOW, policy=POLICY))
    status, body = await anna.send("POST", f"{case}/attachments", {"size_bytes": 10})
    assert (status, body["error"]["code"]) == (409, "case_closed")


@pytest.mark.attack
async def test_files_of_notes_are_never_a_patients(front: Front, anna: Browser, karin: Browser, case: str) -> None:
    status, address = await karin.send("POST", f"{case}/notes/attachments", {"size_bytes": len(TEXT)})
    assert status == 201
    status, view = await put(karin, address["url"], TEXT)
    assert status == 201
    notes_id = f"notes-{case.rpartition('case-')[2]}"
    await front.cases.attachments.check_usable(notes_id, "SE5555555555-K1", [view["attachment_id"]])
    assert (await karin.send("GET", f"{case}/notes/attachments/{view['attachment_id']}"))[0] == 200
    for path in (f"{case}/notes/attachments", f"{case}/attachments"):
        assert (await anna.send("GET", f"{path}/{view['attachment_id']}"))[0] in (403, 404)


@pytest.mark.attack
async def test_other_units_and_care_providers_find_no_file(front: Front, anna: Browser, log_in: Log, case: str) -> None:
    view = await upload(anna, case)
    await use(front, case, ANNA, view["attachment_id"])
    for session in (staff(unit=OTHER_UNIT), staff(provider=OTHER_PROVIDER), patient(EVA)):
        browser = await log_in(session)
        assert (await fetch(browser, case, view["attachment_id"]))[0] == 404


@pytest.mark.attack
async def test_who_was_logged_out_cannot_use_their_addresses(front: Front, anna: Browser, case: str) -> None:
    view = await upload(anna, case)
    _, address = await anna.send("GET", f"{case}/attachments/{view['attachment_id']}")
    held = cookie(anna)
    await anna.send("DELETE", "/api/session")
    status, _, _ = await anna.ask("GET", address["url"], headers={"Cookie": held})
    assert status == 401


@pytest.mark.attack
async def test_a_virus_is_refused_and_a_scanner_that_is_away_takes_nothing(
    make_front: MakeFront, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLTID_CHAT_ARCHIVE_DIR", str(tmp_path / "archive"))
    server = await FakeClamd().start()
    front = await make_front(clamd_url=server.url)
    await front.cases.units.put(unit_settings())
    anna = await browser_of(front, patient(ANNA))
    case = f"/api/cases/{(await opened(anna))['case_id']}"
    assert await refused(anna, case, EICAR) == (415, "file_infected")
    await upload(anna, case)
    await server.stop()
    assert await refused(anna, case, TEXT) == (503, "unavailable")
    await anna.close()


@pytest.mark.attack
@pytest.mark.parametrize("upload_timeout_s", [PATIENCE_S, 0.3])
async def test_a_front_takes_few_uploads_at_once_and_none_for_ever(
    make_front: MakeFront, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, upload_timeout_s: float
) -> None:
    monkeypatch.setenv("ALLTID_CHAT_ARCHIVE_DIR", str(tmp_path / "archive"))
    front = await make_front(uploads_at_once=1, uploads_per_person=2, upload_timeout_s=upload_timeout_s)
    await front.cases.units.put(unit_settings())
    anna = await browser_of(front, patient(ANNA))
    case = f"/api/cases/{(await opened(anna))['case_id']}"
    dripping = Dripping(anna, (await reserve(anna, case, len(TEXT)))["url"])
    places = places_of(front)
    while places.free:  # until the server has seen the first byte
        await asyncio.sleep(0)
    if upload_timeout_s == PATIENCE_S:
        status, body = await put(anna, (await reserve(anna, case, len(TEXT)))["url"], TEXT)
        assert (status, body["error"]["code"]) == (503, "unavailable")
        dripping.go_on.set()
        assert (await dripping.task)[0] == 201
    while not places.free:  # until it is given up
        await asyncio.sleep(0.01)
    dripping.go_on.set()
    await asyncio.gather(dripping.task, return_exceptions=True)
    await anna.close()


async def test_ones_own_unused_upload_can_be_taken_back_and_nothing_else(
    front: Front, anna: Browser, karin: Browser, case: str
) -> None:
    unused, used = await upload(anna, case), await upload(anna, case)
    await use(front, case, ANNA, used["attachment_id"])
    path = f"{case}/attachments/{{}}".format
    assert (await karin.send("DELETE", path(unused["attachment_id"])))[0] == 404
    assert (await anna.send("DELETE", path(used["attachment_id"])))[0] == 404
    assert (await anna.send("DELETE", path("att-" + "0" * 32)))[0] == 404
    assert (await anna.send("DELETE", path(unused["attachment_id"]), **{"X-CSRF-Token": "x"}))[0] == 403
    assert (await anna.send("DELETE", path(unused["attachment_id"])))[0] == 204
    assert (await anna.send("DELETE", path(unused["attachment_id"])))[0] == 404
    assert (await fetch(anna, case, unused["attachment_id"]))[0] == 404
    assert (await fetch(karin, case, used["attachment_id"]))[0] == 200


@pytest.mark.attack
async def test_addresses_are_given_out_at_a_rate_to_each_person(front: Front, anna: Browser, case: str) -> None:
    api = next(api for api in front.cases._apis if isinstance(api, AttachmentApi))
    api._rates = Buckets(0.0001, 3)
    karin = await browser_of(front, staff())
    for _ in range(3):
        await reserve(anna, case, 10)
    status, body = await anna.send("POST", f"{case}/attachments", {"size_bytes": 10})
    assert (status, body["error"]["code"]) == (429, "too_many")
    await reserve(karin, case, 10)
    await karin.close()


def places_of(front: Front) -> UploadPlaces:
    return next(api for api in front.cases._apis if isinstance(api, AttachmentApi)).places


class Dripping:
    """An upload that sends its first byte and then nothing, until it is let go on."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()
        self.task = asyncio.create_task(put(browser, url, self._body()))

    async def _body(self) -> AsyncIterator[bytes]:
        yield TEXT[:1]
        self.begun.set()
        await self.go_on.wait()
        yield TEXT[1:]


@pytest.mark.attack
async def test_one_person_takes_two_places_at_most_and_everybody_else_uploads_on(
    front: Front, anna: Browser, karin: Browser, case: str
) -> None:
    urls = [(await reserve(anna, case, len(TEXT)))["url"] for _ in range(5)]
    of_anna = [Dripping(anna, url) for url in urls]
    for one in of_anna:
        await asyncio.wait_for(one.begun.wait(), PATIENCE_S)
    places = places_of(front)
    while places.free > 6:
        await asyncio.sleep(0)
    await upload(karin, case)
    assert places.free == 6
    for one in of_anna:
        one.go_on.set()
    assert [status for status, _ in await asyncio.gather(*(one.task for one in of_anna))] == [201] * 5
    assert (places.free, len(places)) == (8, 0)


@pytest.mark.attack
async def test_more_than_a_messages_files_do_not_even_wait(front: Front, anna: Browser, case: str) -> None:
    own, person = places_of(front), ANNA
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(own.of(person))
        waiting = [asyncio.create_task(stack.enter_async_context(own.of(person))) for _ in range(10)]
        await asyncio.sleep(0)
        address = await reserve(anna, case, len(TEXT))
        status, body = await put(anna, address["url"], TEXT)
        assert (status, body["error"]["code"]) == (429, "too_many")
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    assert (await put(anna, address["url"], TEXT))[0] == 201


@pytest.mark.attack
async def test_who_announces_a_file_and_sends_none_holds_no_place(
    front: Front, anna: Browser, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signalling.upload_places.UploadBody.__init__.__kwdefaults__", {"grace_s": 0.2})
    address = await reserve(anna, case, len(TEXT))
    host = anna.url.partition("://")[2]
    head = f"PUT {address['url']} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(TEXT)}\r\nOrigin: {anna.url}\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", int(host.rpartition(":")[2]))
    try:
        writer.write(f"{head}Cookie: {cookie(anna)}\r\n\r\n".encode())
        assert b" 503 " in await asyncio.wait_for(reader.readuntil(b"\r\n"), PATIENCE_S)
    finally:
        writer.close()
        await writer.wait_closed()
    assert (places_of(front).free, len(places_of(front))) == (8, 0)


@pytest.mark.attack
async def test_an_upload_that_dawdles_is_given_up(
    front: Front, anna: Browser, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signalling.upload_places.UploadBody.__init__.__kwdefaults__", {"grace_s": 0.2})
    one = Dripping(anna, (await reserve(anna, case, len(TEXT)))["url"])
    await asyncio.wait_for(one.begun.wait(), PATIENCE_S)
    places = places_of(front)
    while places.free == 8:
        await asyncio.sleep(0)
    while places.free < 8:
        await asyncio.sleep(0.01)
    one.go_on.set()
    await asyncio.gather(one.task, return_exceptions=True)
    await upload(anna, case)


async def meeting_ask(browser: Browser, method: str, path: str, token: str, **options: Any) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} | options.pop("headers", {})
    status, body, _ = await browser.ask(method, path, headers=headers, **options)
    return status, body


@pytest.mark.attack
async def test_files_of_a_meeting_are_for_those_in_it_but_not_for_interpreters(front: Front) -> None:
    await front.registry.create_room("room", "The room", 12)
    await front.registry.create_room("other", "Another room", 12)
    browser = await browser_of(front)
    guest = meeting_token("guest-1", role="guest", admitted=True)
    host = meeting_token("host-1", role="host", admitted=True)
    status, address = await meeting_ask(browser, "POST", "/api/meeting-files", guest, json={"size_bytes": len(TEXT)})
    assert status == 201, address
    assert (await meeting_ask(browser, "PUT", address["url"], host, data=TEXT))[0] == 404
    status, view = await meeting_ask(browser, "PUT", address["url"], guest, data=TEXT, headers={"X-File-Name": "a.txt"})
    assert status == 201, view
    await front.cases.attachments.check_usable("meeting-room", "guest-1", [view["attachment_id"]])
    path = f"/api/meeting-files/{view['attachment_id']}"
    status, address = await meeting_ask(browser, "GET", path, host)
    assert status == 200
    assert await meeting_ask(browser, "GET", address["url"], host) == (200, TEXT.decode())
    for token, expected in (
        (meeting_token("i-1", role="interpreter", admitted=True), 403),
        (meeting_token("host-2", "other", role="host", admitted=True), 404),
        (meeting_token("guest-2", role="guest", admitted=False), 403),
        ("nonsense", 401),
    ):
        assert (await meeting_ask(browser, "GET", path, token))[0] == expected
        assert (await meeting_ask(browser, "POST", "/api/meeting-files", token, json={"size_bytes": 2**40}))[0] in (
            expected,
            413,
        )
    await browser.close()


def test_every_refusal_of_attachments_has_a_status() -> None:
    for code in ATTACHMENT_ERROR_CODES:
        assert _CODES.get(code, code) in HTTP_ERRORS


def test_a_disposition_is_one_line_of_ascii() -> None:
    line = disposition('å"b\\c%.pdf', is_shown=False)
    assert line == "attachment; filename=\"__b_c_.pdf\"; filename*=UTF-8''%C3%A5%22b%5Cc%25.pdf"
