"""Takes notices from the outbox, looks up where to, renders, lints, sends, and says how it ended."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal

from chat.contacts import Contacts
from chat.notice_linter import NoticeRefusedError
from chat.notice_outbox import Claimed, NoticeOutbox
from chat.notice_retries import next_attempt_s
from chat.notice_sender import Outgoing, Sender, SendError
from chat.notice_templates import NEUTRAL_UNIT, Rendered, is_neutral_unit, parameters_of, render
from chat.notices import CHANNELS, LIFETIME_S, Channel, Contact, Notice, ways_of

BATCH: Final = 16
ABANDONED_MS: Final = 120_000
"""An attempt takes half a minute at most: what is older belonged to a front that is gone."""

SLOW_S: Final = 5.0
"""A gateway that fails after so long does not answer; all notices of a batch wait for it."""
REST_S: Final = 30.0
"""For so long it is not asked again, so that the notices of other channels do not wait behind it."""

Ended = Literal["sent", "bounced", "failed", "queued"]
OnEnd = Callable[[Channel, str], None]
"""Is told channel and state (of ``NoticeState``) of each notice whose attempt ended."""


class Notices:
    """The house's side of notices: who wants somebody told says so here."""

    def __init__(self, outbox: NoticeOutbox, contacts: Contacts, *, address: str, clock: Callable[[], float]) -> None:
        """``address``: where people log in, the only address that a notice names."""
        self.outbox = outbox
        self.contacts = contacts
        self.address = address
        self._clock = clock

    async def tell(
        self, person: str, template_id: str, parameters: Mapping[str, str], *, key: str, path: str = ""
    ) -> list[str]:
        """Tell somebody by the channels they have; ids of the notices, none when there is no way.

        At most once for each ``key``. ``path``: where in the service the notice leads. ``NoticeRefusedError`` for what
        no template says, or says too much.
        """
        contact = await self.contacts.get(person)
        filled = self.filled(template_id, parameters, contact, path)
        render(template_id, contact.language, filled)
        now = int(self._clock())
        return [
            (await self.outbox.enqueue(self._notice(person, template_id, filled, key, way, now), now_s=now))[0]
            for way in ways_of(contact)
        ]

    async def tell_at(
        self,
        person: str,
        channel: Channel,
        to: str,
        template_id: str,
        parameters: Mapping[str, str],
        *,
        lifetime_s: int,
    ) -> None:
        """Tell somebody at a place that is not in their contact (yet), whatever was told there before."""
        contact = await self.contacts.get(person)
        filled = self.filled(template_id, parameters, contact)
        render(template_id, contact.language, filled)
        now = int(self._clock())
        notice = self._notice(person, template_id, filled, secrets.token_hex(16), (channel,), now)
        await self.outbox.enqueue(replace(notice, to=to, expires_at_s=now + lifetime_s), now_s=now)

    async def may_have_told(self, key: str) -> bool:
        """Whether ``tell`` with this key has told somebody, or still may. What led nowhere by all channels has not."""
        contact_keys = [f"{key}/{channel}" for channel in CHANNELS]
        return await self.outbox.may_arrive([*contact_keys, f"{key}/sms/email"])

    def filled(
        self, template_id: str, parameters: Mapping[str, str], contact: Contact, path: str = ""
    ) -> dict[str, str]:
        """The parameters with our address, and with a unit's name only where it may be told."""
        filled = dict(parameters)
        try:
            wanted = parameters_of(template_id)  # type: ignore[arg-type]  # what is no template is refused below
        except KeyError:
            raise NoticeRefusedError(("unknown_template",)) from None
        if "address" in wanted:
            filled["address"] = f"{self.address}{path}"
        if "unit" in wanted and (contact.is_protected or not is_neutral_unit(filled.get("unit", ""))):
            filled["unit"] = NEUTRAL_UNIT[contact.language]
        return filled

    def _notice(
        self, person: str, template_id: str, parameters: dict[str, str], key: str, way: tuple[Channel, ...], now: int
    ) -> Notice:
        return Notice(
            notice_id="",
            key=f"{key}/{way[0]}",
            channel=way[0],
            person=person,
            template_id=template_id,
            parameters=parameters,
            created_at_s=now,
            expires_at_s=now + LIFETIME_S,
            then=way[1:],
        )


class NoticeDelivery:
    """The sending side, at each front. ``draw`` gives a random number from 0 to 1."""

    def __init__(
        self,
        outbox: NoticeOutbox,
        contacts: Contacts,
        senders: Sequence[Sender],
        *,
        clock: Callable[[], float],
        draw: Callable[[], float],
        on_end: OnEnd = lambda _channel, _state: None,
        abandoned_ms: int = ABANDONED_MS,
    ) -> None:
        self._outbox = outbox
        self._contacts = contacts
        self._senders = {sender.channel: sender for sender in senders}
        self._clock = clock
        self._draw = draw
        self._on_end = on_end
        self._abandoned_ms = abandoned_ms
        self._attempts: set[asyncio.Task[None]] = set()
        self._rests_until: dict[Channel, float] = {}
        self.watchers: list[Callable[[Notice, str], Awaitable[None]]] = []
        """Are told of each notice whose attempt ended, with its state; ``tell_watchers`` for what comes later."""

    async def step(self, *, wait_ms: int = 0) -> int:
        """Send what is due, what others left behind, and what is new; how many attempts ended."""
        now = self._clock()
        await self._outbox.promote(now)
        claimed = await self._outbox.abandoned(now, BATCH, idle_ms=self._abandoned_ms)
        claimed += await self._outbox.take(now, BATCH, wait_ms=0 if claimed else wait_ms)
        attempts = {asyncio.create_task(self._attempt(one)) for one in claimed}
        for attempt in attempts:
            self._attempts.add(attempt)
            attempt.add_done_callback(self._attempts.discard)
        if attempts:
            done, _ = await asyncio.wait(attempts)  # whoever cancels us leaves them to ``finish``
            for attempt in done:
                attempt.result()
        return len(claimed)

    async def finish(self, within_s: float) -> None:
        """Let what is being sent end: nobody could tell whether it went out. What takes longer is given up."""
        if self._attempts:
            done, late = await asyncio.wait(set(self._attempts), timeout=within_s)
            for attempt in late:
                attempt.cancel()
            await asyncio.gather(*done, *late, return_exceptions=True)

    async def tell_watchers(self, notice: Notice, state: str) -> None:
        """Somebody may want to know how a notice fared: also what a gateway reported of it."""
        for watch in self.watchers:
            await watch(notice, state)

    async def fall_back(self, notice: Notice) -> None:
        """The notice led nowhere: try the next channel, if there is one and time for it."""
        now = self._clock()
        if notice.then and now < notice.expires_at_s:
            channel, *rest = notice.then
            key = f"{notice.key}/{channel}"
            await self._outbox.enqueue(
                replace(notice, notice_id="", key=key, channel=channel, then=tuple(rest)), now_s=now
            )

    async def close(self) -> None:
        """Close the senders' connections."""
        for sender in self._senders.values():
            await sender.close()

    async def _attempt(self, claimed: Claimed) -> None:
        notice = claimed.notice
        state, cause, reference, again_at_s = await self._outcome(claimed)
        if await self._outbox.is_ours(claimed):
            # Before it is settled: a front that dies in between leaves an attempt that is found again.
            await self.tell_watchers(notice, state)
            if state in ("bounced", "failed"):
                await self.fall_back(notice)
        now = self._clock()
        is_ours = await self._outbox.settle(
            claimed, state, now_s=now, cause=cause, reference=reference, again_at_s=again_at_s
        )
        if is_ours:
            self._on_end(notice.channel, state)

    async def _outcome(self, claimed: Claimed) -> tuple[Ended, str, str, float]:
        """State, cause, reference, and when to try again."""
        notice, now = claimed.notice, self._clock()
        sender = self._senders.get(notice.channel)
        if sender is None:
            return "failed", "no_sender", "", 0
        if now >= notice.expires_at_s:
            return "failed", "expired", "", 0
        if claimed.is_interrupted and not sender.repeats_safely:
            return "failed", "interrupted", "", 0
        if now < self._rests_until.get(notice.channel, 0):
            return self._again(claimed, "channel_rests")
        contact = await self._contacts.get(notice.person)
        places = (notice.to,) if notice.to else _places(contact, notice.channel)
        if not places:
            return "failed", "no_address", "", 0
        try:
            rendered = _render(notice, contact)
        except NoticeRefusedError as error:
            return "failed", f"refused_{error.causes[0]}", "", 0
        try:
            reference = await self._send(sender, claimed, rendered, places)
        except SendError as error:
            if error.kind != "temporary":
                return ("bounced" if error.kind == "bounced" else "failed"), error.cause, "", 0
            if self._clock() - now >= SLOW_S:
                self._rests_until[notice.channel] = self._clock() + REST_S
            return self._again(claimed, error.cause)
        return "sent", "", reference, 0

    def _again(self, claimed: Claimed, cause: str) -> tuple[Ended, str, str, float]:
        """After a failure that may pass."""
        notice, now = claimed.notice, self._clock()
        again = next_attempt_s(claimed.attempts, self._draw(), now_s=now, expires_at_s=notice.expires_at_s)
        return ("failed", cause, "", 0) if again is None else ("queued", cause, "", again)

    async def _send(self, sender: Sender, claimed: Claimed, rendered: Rendered, places: Sequence[str]) -> str:
        """To all places of the person; one that takes it is enough. Browsers that are gone are forgotten."""
        notice = claimed.notice
        lifetime_s = max(1, int(notice.expires_at_s - self._clock()))
        reference, errors = None, []
        for place in places:
            try:
                reference = await sender.send(
                    Outgoing(notice.notice_id, place, rendered.subject, rendered.text, lifetime_s)
                )
            except SendError as error:
                errors.append(error)
                if error.kind == "bounced" and notice.channel == "push":
                    await self._contacts.forget_subscription(notice.person, place)
        if reference is None:
            raise next((error for error in errors if error.kind == "temporary"), errors[0])
        return reference


def _places(contact: Contact, channel: Channel) -> tuple[str, ...]:
    if channel == "push":
        return contact.subscriptions
    place = contact.phone if channel == "sms" else contact.email
    return (place,) if place else ()


def _render(notice: Notice, contact: Contact) -> Rendered:
    """The text of now: somebody's identity may have become protected, or their language another, since."""
    parameters = dict(notice.parameters)
    if "unit" in parameters and (contact.is_protected or parameters["unit"] in NEUTRAL_UNIT.values()):
        parameters["unit"] = NEUTRAL_UNIT[contact.language]
    return render(notice.template_id, contact.language, parameters)
