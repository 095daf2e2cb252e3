"""The security headers of every answer."""

from pathlib import Path

import aiohttp
import pytest

from tests.signalling.conftest import MakeFront


@pytest.mark.attack
@pytest.mark.parametrize("path", ["/api/session", "/api/nothing", "/healthz", "/api/version", "/login/callback", "/x"])
async def test_no_answer_can_be_framed_sniffed_or_run(http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(path) as response:
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        assert "base-uri 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("path", ["/api/session", "/api/rooms", "/login/patient", "/portal/enter"])
async def test_answers_about_people_are_kept_by_no_cache(http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(path) as response:
        assert response.headers["Cache-Control"] == "no-store"


async def test_scripts_keep_their_caches_and_have_no_policy_that_would_bind_workers(
    http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "worker-1a2b.js").write_text("1")
    async with http.get("/assets/worker-1a2b.js") as response:
        assert "Content-Security-Policy" not in response.headers
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.attack
async def test_browsers_are_bound_to_https_where_that_is_the_public_address(make_front: MakeFront) -> None:
    for public_url, expected in (
        ("https://care.example", "max-age=31536000; includeSubDomains"),
        ("http://localhost:8080", None),
        ("", None),
    ):
        front = await make_front(public_url=public_url)
        async with aiohttp.ClientSession(front.http_url) as session:
            for path in ("/healthz", "/nowhere"):
                async with session.get(path) as response:
                    assert response.headers.get("Strict-Transport-Security") == expected
