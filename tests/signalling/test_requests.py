"""Where a request comes from."""

import pytest
from aiohttp.test_utils import make_mocked_request

from signalling.requests import bearer, client_address, is_from_own_page, is_loopback, own_origin


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("Basic abc", ""),
        ("Bearer", ""),
        ("", ""),
        ("Bearer \u00e5", ""),
    ],
)
def test_a_bearer_token_is_read(header: str, token: str) -> None:
    assert bearer(make_mocked_request("GET", "/", headers={"Authorization": header})) == token


@pytest.mark.attack
@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        (0, "192.0.2.9", "peer"),
        (1, "192.0.2.9", "192.0.2.9"),
        (1, "10.0.0.1, 192.0.2.9", "192.0.2.9"),
        (2, "10.0.0.1, 192.0.2.9, 198.51.100.1", "192.0.2.9"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "made up", ""),
        (2, "192.0.2.9", "peer"),
        (1, None, "peer"),
    ],
)
def test_only_what_our_own_proxies_wrote_counts_as_the_address(hops: int, forwarded: str | None, address: str) -> None:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = make_mocked_request("GET", "/", headers=headers).clone(remote="peer")
    assert client_address(request, hops) == address


@pytest.mark.parametrize(
    ("address", "expected"), [("127.0.0.1", True), ("::1", True), ("192.0.2.1", False), ("x", False), (None, False)]
)
def test_this_machines_addresses_are_known(address: str | None, expected: bool) -> None:
    assert is_loopback(address) is expected


def test_the_own_origin_is_the_configured_one_or_as_the_request_says() -> None:
    request = make_mocked_request("GET", "/", headers={"Host": "localhost:8080"})
    assert own_origin(request, "") == "http://localhost:8080"
    assert own_origin(request, "https://care.example") == "https://care.example"


@pytest.mark.attack
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, True),
        ({"Origin": "https://care.example"}, True),
        ({"Origin": "http://inside:8080"}, True),
        ({"Origin": "https://care.example.evil.example"}, False),
        ({"Origin": "https://evil.example/care.example"}, False),
        ({"Origin": "care.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "https://care.example", "Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, True),
    ],
)
def test_only_pages_of_ours_count_as_own(headers: dict[str, str], expected: bool) -> None:
    request = make_mocked_request("POST", "/", headers={"Host": "inside:8080"} | headers)
    assert is_from_own_page(request, "https://care.example") is expected
