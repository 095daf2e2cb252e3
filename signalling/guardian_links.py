"""A guardian comes to one meeting of a teenager: the link that is made when the teenager says yes.

The unit asked, the teenager alone decides, and the unit hands the link on: it sees its address in the list of the
meeting's links until it is used. The address is not kept: it is made again of the consent's id and a key. Whoever comes
in by it is a guest whom staff let in, as by any link. A yes that is taken back ends the link and the visit.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Final

import structlog

from auth.guest_links import SECRET_BYTES, GuestLink, GuestLinks, TooManyLinksError
from auth.revocations import Revocations
from auth.tokens import TokenKeys
from signalling.companion_events import CompanionEvent, text_of
from signalling.meeting_source import MeetingSource
from signalling.meetings import Meeting

LABEL: Final = "Vårdnadshavare"
MADE_BY: Final = "guardian:"
"""Before the id of the consent, where other links name the employee who made them."""
MOVED_S: Final = 180 * 24 * 3600
"""A meeting may be moved so far, and the yes goes with it; no link opens before its meeting does, or after."""
_PURPOSE: Final = "guardian links"

_log = structlog.get_logger(__name__)


class GuardianSecrets:
    """Makes the secret of a consent's link, the same each time."""

    def __init__(self, keys: TokenKeys) -> None:
        self._keys = keys.derived(_PURPOSE)

    def of(self, invitation_id: str) -> str:
        """For a new link."""
        return _secret(self._keys[0], invitation_id)

    def known(self, link: GuestLink) -> str | None:
        """The secret of such a link; None for all others, also after the keys were changed."""
        if not link.created_by.startswith(MADE_BY):
            return None
        invitation_id = link.created_by.removeprefix(MADE_BY)
        made = (_secret(key, invitation_id) for key in self._keys)
        return next((one for one in made if hashlib.sha256(one.encode()).hexdigest() == link.digest), None)


class GuardianLinks:
    """Acts on ``guardian.consented`` and ``guardian.declined``, in whatever order they come."""

    def __init__(
        self,
        secrets: GuardianSecrets,
        links: GuestLinks,
        source: MeetingSource,
        revocations: Revocations,
        *,
        closes_at: Callable[[Meeting], int],
        clock: Callable[[], float],
    ) -> None:
        self._secrets = secrets
        self._links = links
        self._source = source
        self._revocations = revocations
        self._closes_at = closes_at
        self._clock = clock

    async def consented(self, event: CompanionEvent) -> None:
        """The link; once, and not after a no."""
        await self._link(event)

    async def declined(self, event: CompanionEvent) -> None:
        """No link, and nobody who came by it."""
        link = await self._link(event)
        if link is not None and not link.is_revoked:
            await self._links.revoke(link, self._clock())
            await self._revocations.revoke(link.link_id, "link")

    async def _link(self, event: CompanionEvent) -> GuestLink | None:
        """The consent's link, made when it is not there; None for a visit that is no meeting."""
        invitation_id = text_of(event.payload, "invitation")
        if event.payload.get("meeting") is None:
            return None
        meeting_id = text_of(event.payload, "meeting")
        secret = self._secrets.of(invitation_id)
        link_id = f"l-{hashlib.sha256(f'{_PURPOSE} {secret}'.encode()).hexdigest()[:24]}"
        known = await self._links.get(meeting_id, link_id)
        meeting = await self._source.find(meeting_id) if known is None else None
        if known is not None or meeting is None:
            return known
        now, made_by = self._clock(), f"{MADE_BY}{invitation_id}"
        try:
            link, _ = await self._links.create(
                meeting_id,
                "guest",
                LABEL,
                created_by=made_by,
                now=now,
                expires_at=self._closes_at(meeting) + MOVED_S,
                chosen=(link_id, secret),
            )
        except TooManyLinksError:  # another delivery would change nothing
            _log.warning("guardian_link_refused", cause="too_many")
            return None
        return link


def _secret(key: bytes, invitation_id: str) -> str:
    return base64.urlsafe_b64encode(hmac.digest(key, invitation_id.encode(), hashlib.sha256)[:SECRET_BYTES]).decode()
