"""Blobs in a real S3-compatible server (moto's, which checks signatures here), and in one that misbehaves."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import boto3
import pytest
from aiohttp import web
from moto.server import ThreadedMotoServer

from chat.blobs import BlobError, BlobKey
from chat.blobs_s3 import S3Store, S3UrlError
from tests.chat.test_blobs_disk import contents
from tests.patience import PATIENCE_S

DATA = bytes(range(256)) * 4096
KEY = BlobKey.of("case-1", "att", DATA)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(server: str) -> Iterator[Any]:
    options = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    client = boto3.resource("s3", endpoint_url=f"http://{server}", **options)
    bucket = client.Bucket("files")
    bucket.create()
    yield bucket
    bucket.objects.all().delete()
    bucket.delete()
    client.meta.client.close()


@pytest.fixture
async def store(server: str, bucket: Any) -> AsyncIterator[S3Store]:
    store = S3Store.from_url(f"s3+http://key:sec%72et@{server}/{bucket.name}/tenant?region=us-east-1")
    yield store
    await store.close()


async def test_what_was_put_is_read(store: S3Store, bucket: Any) -> None:
    await store.put(KEY, DATA)
    await store.put(KEY, DATA)
    assert await contents(store, KEY) == DATA
    assert [item.key for item in bucket.objects.all()] == [f"tenant/{KEY}"]


async def test_what_is_not_there(store: S3Store) -> None:
    with pytest.raises(BlobError, match="unknown_blob"):
        await contents(store, KEY)
    await store.delete(KEY)
    await store.delete_conversation("case-1")


async def test_deleting_one_and_all_of_a_conversation(store: S3Store, bucket: Any) -> None:
    for conversation, data in (("case-1", b"1"), ("case-1", b"2"), ("case-1", b"3"), ("case-2", b"4")):
        await store.put(BlobKey.of(conversation, "att", data), data)
    await store.delete(BlobKey.of("case-1", "att", b"1"))
    assert len(list(bucket.objects.all())) == 3
    await store.delete_conversation("case-1")
    assert [item.key for item in bucket.objects.all()] == [f"tenant/{BlobKey.of('case-2', 'att', b'4')}"]


async def test_a_wrong_secret_is_refused_by_a_server_that_checks(server: str, bucket: Any) -> None:
    """The server checks signatures once it is told to; a store with the right key then still works."""
    options = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    iam: Any = boto3.client("iam", endpoint_url=f"http://{server}", **options)
    iam.create_user(UserName="front")
    iam.put_user_policy(UserName="front", PolicyName="all", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
    }))  # fmt: skip
    key = iam.create_access_key(UserName="front")["AccessKey"]
    iam.close()
    async with aiohttp.ClientSession(f"http://{server}") as session:
        (await session.post("/moto-api/reset-auth", data=b"0")).release()
        try:
            right = S3Store.from_url(f"s3+http://{key['AccessKeyId']}:{_quoted(key['SecretAccessKey'])}@{server}/files")
            wrong = S3Store.from_url(f"s3+http://{key['AccessKeyId']}:wrong@{server}/files")
            await right.put(KEY, DATA)
            assert await contents(right, KEY) == DATA
            with pytest.raises(BlobError, match="store_unavailable"):
                await wrong.put(KEY, DATA)
            with pytest.raises(BlobError, match="store_unavailable"):
                await contents(wrong, KEY)
            await right.close()
            await wrong.close()
        finally:
            (await session.post("/moto-api/reset-auth", data=b"1000000")).release()


def _quoted(secret: str) -> str:
    return secret.replace("/", "%2F").replace("+", "%2B")


async def _store_answered_by(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]], cleanups: list[Callable[[], Awaitable[None]]]
) -> S3Store:
    """A store whose server is a function; ``cleanups`` end both."""
    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    store = S3Store.from_url(f"s3+http://k:s@127.0.0.1:{runner.addresses[0][1]}/b")
    cleanups.extend([store.close, runner.cleanup])
    return store


Misbehaving = Callable[[list[int]], Awaitable[tuple[S3Store, list[str]]]]


@pytest.fixture
async def misbehaving() -> AsyncIterator[Misbehaving]:
    """A server that answers with the given statuses, the last one for ever."""
    cleanups: list[Callable[[], Awaitable[None]]] = []

    async def make(statuses: list[int]) -> tuple[S3Store, list[str]]:
        seen: list[str] = []

        async def answer(request: web.Request) -> web.Response:
            body = await request.read()
            assert hashlib.sha256(body).hexdigest() == request.headers["x-amz-content-sha256"]
            seen.append(request.method)
            return web.Response(status=statuses.pop(0) if len(statuses) > 1 else statuses[0])

        return await _store_answered_by(answer, cleanups), seen

    yield make
    for cleanup in cleanups:
        await cleanup()


async def test_a_failure_that_passes_is_not_noticed(misbehaving: Misbehaving) -> None:
    store, seen = await misbehaving([500, 503, 200])
    await store.put(KEY, DATA)
    assert seen == ["PUT"] * 3


@pytest.mark.parametrize(
    ("status", "code", "attempts"),
    [(500, "store_unavailable", 3), (403, "store_unavailable", 1), (507, "store_full", 3)],
)
async def test_a_failure_that_stays_is_said(misbehaving: Misbehaving, status: int, code: str, attempts: int) -> None:
    store, seen = await misbehaving([status])
    with pytest.raises(BlobError) as caught:
        await store.put(KEY, DATA)
    assert caught.value.code == code
    assert len(seen) == attempts


async def test_a_listing_that_is_none_is_said(misbehaving: Misbehaving) -> None:
    store, _ = await misbehaving([200])
    with pytest.raises(BlobError, match="store_unavailable"):
        await asyncio.wait_for(store.delete_conversation("case-1"), PATIENCE_S)


Pieces = Callable[[dict[str, list[list[bytes]]]], Awaitable[tuple[S3Store, list[str]]]]


@pytest.fixture
async def in_pieces() -> AsyncIterator[Pieces]:
    """A server that answers in pieces with pauses between them: by method a list of answers, the last one for ever."""
    cleanups: list[Callable[[], Awaitable[None]]] = []

    async def make(answers: dict[str, list[list[bytes]]]) -> tuple[S3Store, list[str]]:
        seen: list[str] = []

        async def answer(request: web.Request) -> web.StreamResponse:
            seen.append(f"{request.method} {request.path}")
            given = answers[request.method]
            response = web.StreamResponse()
            await response.prepare(request)
            for piece in given.pop(0) if len(given) > 1 else given[0]:
                await response.write(piece)
                await asyncio.sleep(0.15)
            return response

        return await _store_answered_by(answer, cleanups), seen

    yield make
    for cleanup in cleanups:
        await cleanup()


async def test_a_listing_that_comes_in_pieces_is_erased_to_its_end(in_pieces: Pieces) -> None:
    name = f"{KEY.conversation}/{KEY.content}"
    head, end = b"<?xml version='1.0'?><ListBucketResult>", b"</ListBucketResult>\n"
    listing = [head, f"<Contents><Key>{name}</Key></Contents>".encode(), end]
    store, seen = await in_pieces({"GET": [listing, [head + end]], "DELETE": [[b""]]})
    await store.delete_conversation("case-1")
    assert seen == ["GET /b", f"DELETE /b/{name}", "GET /b"]


async def test_a_listing_that_breaks_off_is_said(in_pieces: Pieces) -> None:
    store, _ = await in_pieces({"GET": [[b"<ListBucketResult><Contents><Ke"]]})
    with pytest.raises(BlobError, match="store_unavailable"):
        await store.delete_conversation("case-1")


async def test_a_download_takes_as_long_as_it_takes(in_pieces: Pieces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.blobs_s3.TIMEOUT", aiohttp.ClientTimeout(total=0.1))
    store, _ = await in_pieces({"GET": [[b"one", b"two"]]})
    assert await contents(store, KEY) == b"onetwo"
    with pytest.raises(BlobError, match="store_unavailable"):
        await store.delete_conversation("case-1")


async def test_a_store_that_is_not_there_is_said() -> None:
    store = S3Store.from_url("s3+http://k:s@127.0.0.1:1/b")
    with pytest.raises(BlobError, match="store_unavailable"):
        await store.put(KEY, DATA)
    await store.close()


@pytest.mark.parametrize(
    "url",
    [
        "https://k:s@host/b",
        "s3+https://host/b",
        "s3+https://k:s@host",
        "s3+https://k@host/b",
        "s3+https://k:s@host:x/b",
        "s3+https://k:s@host/b/p&q",
    ],
)
def test_an_address_that_is_none_is_refused_and_shows_no_secret(url: str) -> None:
    with pytest.raises(S3UrlError) as caught:
        S3Store.from_url(url)
    assert "k:s" not in str(caught.value)
