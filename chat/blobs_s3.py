"""Attachments in a store that speaks S3 (path style, Signature Version 4): PUT, GET, DELETE and a listing.

Four requests need no library: the usual one brings a generated client of some hundred megabytes for all services of
one vendor. What could go wrong in those four, the signature, is held against that library in the tests.
"""

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote, urlsplit

import aiohttp
import yarl

from chat.aws_signature import Credentials, encoded_path, encoded_query, signed_headers
from chat.blobs import CHUNK_BYTES, BlobError, BlobKey, conversation_digest

TIMEOUT: Final = aiohttp.ClientTimeout(total=60, sock_connect=5, sock_read=15)
READ_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=15)
"""Of what somebody downloads: it takes as long as their network does. While we wait for them nothing is read, and
``sock_read`` does not count."""
_ATTEMPTS: Final = 3
_EMPTY_SHA256: Final = hashlib.sha256(b"").hexdigest()
_PREFIX: Final = re.compile(r"[A-Za-z0-9/_.-]*")
_LISTED: Final = re.compile(rb"<Key>([A-Za-z0-9/_.-]+)</Key>")
_MAX_LISTING_BYTES: Final = 4 * 1024 * 1024


class S3UrlError(ValueError):
    """An address of a store that cannot be used; the message shows no secret."""


class S3Store:
    """Blobs below ``prefix`` in one bucket."""

    def __init__(self, endpoint: str, bucket: str, credentials: Credentials, *, prefix: str = "") -> None:
        self._endpoint = endpoint.rstrip("/")
        self._host = urlsplit(endpoint).netloc
        self._bucket = bucket
        self._prefix = prefix
        self._credentials = credentials
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    def from_url(cls, url: str) -> "S3Store":
        """``s3+https://key:secret@host[:port]/bucket[/prefix][?region=...]``; ``S3UrlError`` otherwise."""
        try:
            parts = urlsplit(url)
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            raise S3UrlError("not an address") from None
        bucket, _, prefix = parts.path.strip("/").partition("/")
        if parts.scheme not in ("s3+https", "s3+http") or not parts.hostname or not bucket:
            raise S3UrlError("write s3+https://key:secret@host/bucket")
        if not _PREFIX.fullmatch(prefix):
            raise S3UrlError("a prefix has letters, digits, '/', '_', '.' and '-'")
        if not parts.username or not parts.password:
            raise S3UrlError("the access key is missing")
        region = dict(item.partition("=")[::2] for item in parts.query.split("&")).get("region") or "us-east-1"
        credentials = Credentials(unquote(parts.username), unquote(parts.password), region)
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        endpoint = f"{parts.scheme.removeprefix('s3+')}://{host}{port}"
        return cls(endpoint, bucket, credentials, prefix=f"{prefix}/" if prefix else "")

    async def put(self, key: BlobKey, data: bytes) -> None:
        """Store the bytes; the store checks their digest, which is signed."""
        async with self._request("PUT", self._name(key), data=data):
            pass

    async def read(self, key: BlobKey) -> AsyncIterator[bytes]:
        """The bytes as they arrive."""
        async with self._request("GET", self._name(key), is_download=True) as response:
            try:
                async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                    yield chunk
            except (aiohttp.ClientError, TimeoutError):
                raise BlobError("store_unavailable") from None

    async def delete(self, key: BlobKey) -> None:
        """Remove one object."""
        async with self._request("DELETE", self._name(key)):
            pass

    async def delete_conversation(self, conversation_id: str) -> None:
        """Remove every object of a conversation, as often as there are some."""
        query = {"list-type": "2", "prefix": f"{self._prefix}{conversation_digest(conversation_id)}/"}
        while names := await self._list(query):
            for name in names:
                async with self._request("DELETE", name):
                    pass

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _list(self, query: dict[str, str]) -> list[str]:
        """The names of a page of a listing, all of it: an end that is missing would look like nothing more to erase."""
        text = bytearray()
        async with self._request("GET", "", query=query) as response:
            try:
                async for chunk in response.content.iter_any():
                    text += chunk
                    if len(text) > _MAX_LISTING_BYTES:
                        raise BlobError("store_unavailable")
            except (aiohttp.ClientError, TimeoutError):
                raise BlobError("store_unavailable") from None
        if b"<ListBucketResult" not in text or not text.rstrip().endswith(b"</ListBucketResult>"):
            raise BlobError("store_unavailable")
        # The names are ours, with nothing that XML would write differently: no parser is needed.
        return [name.decode() for name in _LISTED.findall(text) if name.decode().startswith(query["prefix"])]

    def _name(self, key: BlobKey) -> str:
        return f"{self._prefix}{key}"

    @asynccontextmanager
    async def _request(
        self,
        method: str,
        name: str,
        *,
        query: dict[str, str] | None = None,
        data: bytes = b"",
        is_download: bool = False,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One signed request. All of ours may be repeated, and are after a failure that may pass."""
        path = f"/{self._bucket}/{name}" if name else f"/{self._bucket}"
        digest = hashlib.sha256(data).hexdigest() if data else _EMPTY_SHA256
        url = f"{self._endpoint}{encoded_path(path)}" + (f"?{encoded_query(query)}" if query else "")
        if self._session is None:
            self._session = aiohttp.ClientSession(auto_decompress=False)
        for attempt in range(_ATTEMPTS):
            headers = signed_headers(
                self._credentials,
                method=method,
                host=self._host,
                path=path,
                query=query or {},
                payload_sha256=digest,
                now=datetime.now(UTC),
                extra={"content-type": "application/octet-stream"} if data else None,
            )
            try:
                response = await self._session.request(
                    method,
                    yarl.URL(url, encoded=True),
                    headers=headers,
                    data=data or None,
                    allow_redirects=False,
                    timeout=READ_TIMEOUT if is_download else TIMEOUT,
                )
            except (aiohttp.ClientError, TimeoutError):
                if attempt + 1 < _ATTEMPTS:
                    continue
                raise BlobError("store_unavailable") from None
            if response.status < 500 or attempt + 1 == _ATTEMPTS:
                break
            response.release()
        try:
            if response.status == 404 and method == "GET" and name:
                raise BlobError("unknown_blob")
            if response.status == 507:
                raise BlobError("store_full")
            if not (response.ok or (method == "DELETE" and response.status == 404)):
                raise BlobError("store_unavailable")
            yield response
        finally:
            response.release()
