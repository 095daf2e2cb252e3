"""HTTP of the front: rooms and tokens for services, health, metrics, static files and their headers."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from signalling.front import Front
from tests.signalling.conftest import KEYS, NOW, MakeClient, MakeFront, meeting_token, service_headers
from tests.signalling.fake_worker import FakeWorker


async def test_a_service_makes_a_room_and_a_token_that_opens_it(
    http: aiohttp.ClientSession, make_client: MakeClient
) -> None:
    async with http.post("/api/rooms", json={"name": "Mottagning"}, headers=service_headers()) as response:
        assert response.status == 201
        assert response.headers["Cache-Control"] == "no-store"
        room = await response.json()
    assert room["max_participants"] == 100
    body = {"identity": "p-1", "display_name": "Bo Ek", "role": "guest", "lifetime_s": 60}
    async with http.post(f"/api/rooms/{room['room_id']}/tokens", json=body, headers=service_headers()) as response:
        assert response.status == 201
        made = await response.json()
    assert made["expires_at"] == NOW + 60
    assert made["path"] == f"/meeting#token={made['token']}"
    claims = KEYS.check_meeting(made["token"], now=NOW)
    assert (claims.identity, claims.display_name, claims.role) == ("p-1", "Bo Ek", "guest")
    assert (await (await make_client()).join(token=made["token"]))["room_name"] == "Mottagning"


async def test_creating_a_room_again_changes_it(http: aiohttp.ClientSession) -> None:
    for status, limit in ((201, 5), (200, 6)):
        body = {"room_id": "twice", "name": "Twice", "max_participants": limit}
        async with http.post("/api/rooms", json=body, headers=service_headers()) as response:
            assert response.status == status
            assert (await response.json()) == body


async def test_deleting_a_room_ends_it_for_everybody(
    http: aiohttp.ClientSession, make_client: MakeClient, worker: FakeWorker
) -> None:
    anna = await make_client()
    await anna.join()
    async with http.delete("/api/rooms/room", headers=service_headers()) as response:
        assert response.status == 204
    assert (await anna.wait_for("closed"))["code"] == "room_closed"
    assert (await (await make_client()).join("bo"))["error"]["code"] == "unknown_room"
    async with http.delete("/api/rooms/room", headers=service_headers()) as response:
        assert response.status == 404


@pytest.mark.attack
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/rooms"), ("POST", "/api/rooms/room/tokens"), ("DELETE", "/api/rooms/room")]
)
async def test_service_routes_refuse_everybody_else(
    http: aiohttp.ClientSession, front: Front, method: str, path: str
) -> None:
    expired = KEYS.sign_service(service="s", scopes=frozenset({"rooms:write"}), now=NOW - 900, lifetime_s=60)
    scopeless = KEYS.sign_service(service="s", scopes=frozenset({"rooms:read"}), now=NOW, lifetime_s=60)
    refused = {"": (401, "not_logged_in"), f"Bearer {expired}": (401, "token_expired"),
               f"Bearer {scopeless}": (403, "forbidden")}  # fmt: skip
    for credentials in ("Bearer ", "Bearer \u00e5", f"Bearer {meeting_token()}", f"Basic {scopeless}"):
        refused[credentials] = (401, "token_invalid")
    for credentials, expected in refused.items():
        headers = {"Authorization": credentials} if credentials else {}
        async with http.request(method, path, json={"name": "x"}, headers=headers) as response:
            assert (response.status, (await response.json())["error"]["code"]) == expected
    assert await front.registry.room("room") is not None


@pytest.mark.attack
@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/rooms", b"{", None),
        ("/api/rooms", b"[" * 10_000, None),
        ("/api/rooms", b"[]", None),
        ("/api/rooms", b'{"name": ""}', "name"),
        ("/api/rooms", b'{"name": "x", "room_id": "../x"}', "room_id"),
        ("/api/rooms", b'{"name": "x", "max_participants": 501}', "max_participants"),
        ("/api/rooms", b'{"name": "x", "worker": "mine"}', None),
        ("/api/rooms/room/tokens", b'{"identity": "a", "display_name": "b", "role": "root"}', "role"),
        (
            "/api/rooms/room/tokens",
            b'{"identity": "a", "display_name": "b", "role": "host", "lifetime_s": 1e9}',
            "lifetime_s",
        ),
    ],
)
async def test_a_bad_body_is_invalid_request(
    http: aiohttp.ClientSession, path: str, body: bytes, field: str | None
) -> None:
    async with http.post(path, data=body, headers=service_headers()) as response:
        assert response.status == 400
        assert (await response.json())["error"] == {"code": "invalid_request"} | ({"field": field} if field else {})


async def test_a_body_that_is_too_large_is_refused(http: aiohttp.ClientSession) -> None:
    async with http.post("/api/rooms", data=b"x" * 20_000, headers=service_headers()) as response:
        assert response.status == 413


async def test_a_token_for_an_unknown_room_is_not_made(http: aiohttp.ClientSession) -> None:
    body = {"identity": "a", "display_name": "b", "role": "host"}
    async with http.post("/api/rooms/nowhere/tokens", json=body, headers=service_headers()) as response:
        assert response.status == 404
        assert (await response.json())["error"]["code"] == "unknown_room"


async def test_health_tells_whether_a_worker_lives(http: aiohttp.ClientSession, worker: FakeWorker) -> None:
    async with http.get("/healthz") as response:
        assert (response.status, await response.json()) == (200, {"ok": True, "redis": True, "workers": 1})
    await worker.stop()
    async with http.get("/healthz") as response:
        assert response.status == 503


async def test_version(http: aiohttp.ClientSession) -> None:
    async with http.get("/api/version") as response:
        assert (await response.json())["protocol"] == 1


async def test_metrics_are_for_this_machine_or_for_the_token(
    http: aiohttp.ClientSession, make_front: MakeFront
) -> None:
    async with http.get("/metrics") as response:
        assert response.status == 200
        assert "ao_front_workers_alive 1.0" in await response.text()
    async with http.get("/metrics", headers={"X-Forwarded-For": "192.0.2.1"}) as response:
        assert response.status == 401
    guarded = await make_front(metrics_token="let me see")
    async with aiohttp.ClientSession(guarded.http_url) as session:
        for token, status in (("", 401), ("let me", 401), ("let me see", 200)):
            async with session.get("/metrics", headers={"Authorization": f"Bearer {token}"}) as response:
                assert response.status == status


@pytest.fixture
async def site(tmp_path: Path, http: aiohttp.ClientSession) -> aiohttp.ClientSession:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "app-1a2b.js").write_text("1")
    for name in ("meeting", "cases", "inbox", "channel", "unit"):
        (tmp_path / f"{name}.html").write_text(f"<!doctype html>{name}")
    (tmp_path / ".secret").write_text("no")
    (tmp_path.parent / "outside.txt").write_text("no")
    (tmp_path / "link.txt").symlink_to(tmp_path.parent / "outside.txt")
    return http


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/meeting", 200),
        ("/meeting.html", 200),
        ("/meeting/m-1", 200),
        ("/meeting/m-1/x", 404),
        ("/meeting/%2e%2e", 404),
        ("/cases", 200),
        ("/cases/new", 200),
        (f"/cases/case-{'a' * 26}", 200),
        ("/cases/other", 404),
        ("/portal/cases", 200),
        (f"/portal/cases/case-{'a' * 26}", 200),
        ("/portal/channel", 200),
        ("/portal/unit", 200),
        ("/portal/unit/x", 404),
        ("/portal/cases/new", 200),
        ("/portal/cases/other", 404),
        ("/nowhere", 404),
        ("/", 404),
    ],
)
async def test_pages_carry_the_security_headers(site: aiohttp.ClientSession, path: str, status: int) -> None:
    async with site.get(path) as response:
        assert response.status == status
        assert response.content_type == "text/html"
        policy = response.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert f"connect-src 'self' ws://{response.url.host}:{response.url.port} wss://" in policy
        assert "camera=(self)" in response.headers["Permissions-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["Cache-Control"] in ("no-cache", "no-store")


async def test_a_host_that_would_inject_into_the_policy_is_left_out(site: aiohttp.ClientSession) -> None:
    async with site.get("/meeting", headers={"Host": "evil; script-src *"}) as response:
        assert "evil" not in response.headers.get("Content-Security-Policy", "")


async def test_hashed_files_are_kept_for_ever(site: aiohttp.ClientSession) -> None:
    async with site.get("/assets/app-1a2b.js") as response:
        assert response.status == 200
        assert "immutable" in response.headers["Cache-Control"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.attack
@pytest.mark.parametrize(
    "path",
    [
        "/../outside.txt",
        "/%2e%2e/outside.txt",
        "/..%2foutside.txt",
        "/link.txt",
        "/.secret",
        "/assets",
        "/assets/%00",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/" + "a" * 4000,
    ],
)
async def test_nothing_but_the_sites_own_files_is_served(site: aiohttp.ClientSession, path: str) -> None:
    async with site.get(URL(str(site._base_url).rstrip("/") + path, encoded=True)) as response:
        assert response.status in (400, 404)


@pytest.mark.attack
async def test_a_failure_shows_no_trace(
    http: aiohttp.ClientSession, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(front.registry, "create_room", fail)
    async with http.post("/api/rooms", json={"name": "x"}, headers=service_headers()) as response:
        assert response.status == 500
        assert await response.json() == {"error": {"code": "internal"}}
