"""Rooms and meeting tokens over the front's HTTP interface, as a service that embeds meetings would get them."""

import time
from typing import Any

import aiohttp

from auth.tokens import TokenKeys

SERVICE_TOKEN_S = 6 * 3600
MEETING_TOKEN_S = 6 * 3600


class RoomError(Exception):
    """The front refused to make a room or a token."""


def service_token(keys: str, now: float | None = None) -> str:
    """A service token signed with the front's own keys (the text of ``ALLTID_TOKEN_KEYS``)."""
    return TokenKeys.parse(keys).sign_service(
        service="loadtest", scopes=frozenset({"rooms:write"}), now=now or time.time(), lifetime_s=SERVICE_TOKEN_S
    )


class RoomService:
    """Makes rooms and tokens at one front."""

    def __init__(self, url: str, token: str, *, verify_certificate: bool = True) -> None:
        self.token = token
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}
        self._verify_certificate = verify_certificate

    async def create_room(self, name: str, max_participants: int) -> str:
        """A new room's id."""
        reply = await self._post("/api/rooms", {"name": name, "max_participants": max_participants})
        return str(reply["room_id"])

    async def put_room(self, room_id: str, name: str, max_participants: int) -> None:
        """A room with an id of one's own choice."""
        await self._post("/api/rooms", {"room_id": room_id, "name": name, "max_participants": max_participants})

    async def create_tokens(self, room_id: str, names: list[str]) -> list[str]:
        """One meeting token per name; the name serves as identity too."""
        return [
            str(
                (
                    await self._post(
                        f"/api/rooms/{room_id}/tokens",
                        {"identity": name, "display_name": name, "role": "participant", "lifetime_s": MEETING_TOKEN_S},
                    )
                )["token"]
            )
            for name in names
        ]

    async def delete_room(self, room_id: str) -> None:
        """Close a room."""
        async with (
            aiohttp.ClientSession(headers=self._headers) as session,
            session.delete(f"{self._url}/api/rooms/{room_id}", ssl=self._verify_certificate) as response,
        ):
            await response.read()

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        async with (
            aiohttp.ClientSession(headers=self._headers) as session,
            session.post(self._url + path, json=body, ssl=self._verify_certificate) as response,
        ):
            if response.status >= 300:
                raise RoomError(f"{path}: {response.status} {await response.text()}")
            answer: dict[str, Any] = await response.json()
            return answer
