"""People of a fault run: each has one or two sockets, sends messages, reads everything, and never gives up."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loadtest.chat_client import ChatLink, ChatLinkError, ChatRefusedError

Write = Callable[..., None]
_RETRY = frozenset({"chat_unavailable", "rate_limited", "not_logged_in", "internal"})
_ASK_S = 12.0
_EDITS, _WITHDRAWALS = 0.06, 0.03
"""Of all that is sent."""
_EVENTS = {"message": "chat_send", "edit": "chat_edit", "withdrawal": "chat_withdraw"}


@dataclass
class _Act:
    """What it is about to send."""

    client_id: str
    text: str
    kind: str
    drawn: float
    """From 0 to 1: which of its messages it changes."""
    target: int = 0


class Device:
    """One socket of one person in one conversation: keeps its place over any number of connections.

    It follows the protocol as a client must: takes the next number, ignores smaller ones, resumes at a hole.
    """

    def __init__(
        self, name: str, identity: str, conversation: str, token: str, ports: list[int], chance: random.Random,
        write: Write, *, cookie: str = "",
    ) -> None:  # fmt: skip
        """``token``: of the meeting; empty where the ``cookie`` says who it is."""
        self.name = name
        self.identity = identity
        self.conversation = conversation
        self.last_seq = 0
        self.me = ""
        self.counts = dict.fromkeys(("connections", "duplicates", "holes", "lagging", *_EVENTS), 0)
        self.token = token
        self.cookie = cookie
        self._ports = ports
        self._chance = chance
        self._write = write
        self.link: ChatLink | None = None
        self._early: dict[int, dict[str, Any]] = {}
        self._needs_resume = False
        self._wake = asyncio.Event()
        self._outbox: list[_Act] = []
        self._mine: list[int] = []
        """Numbers of acknowledged messages of this device that it has not withdrawn."""
        self._sent = 0
        self.is_stopping = False

    # --- what faults do to it ----------------------------------------------------------------------------------

    def cut(self) -> None:
        """Lose the connection: at once, or in the middle of the next frame that it sends."""
        if self.link is None:
            return
        if self._chance.random() < 0.5:
            self.link.cut()
        else:
            self.link.cut_after_bytes = self._chance.randrange(1, 60)

    async def stall(self, seconds: float) -> None:
        """Read nothing for a while."""
        link = self.link
        if link is not None:
            link.pause()
            await asyncio.sleep(seconds)
            link.resume()

    # --- what it does ------------------------------------------------------------------------------------------

    def say(self) -> None:
        """Put one more message into the outbox, or now and then an edit or a withdrawal of one of its own."""
        self._sent += 1
        client_id = f"{self.name}-{self._sent}"
        text = f"{client_id} " + "å" * self._chance.randrange(0, 200)
        drawn = self._chance.random()
        kind = "withdrawal" if drawn < _WITHDRAWALS else "edit" if drawn < _WITHDRAWALS + _EDITS else "message"
        self._outbox.append(_Act(client_id, text, kind, self._chance.random()))
        self._wake.set()

    @property
    def unsent(self) -> int:
        return len(self._outbox)

    async def run(self) -> None:
        """Connect, resume, send; for ever."""
        while True:
            try:
                await self._live()
            except (ChatLinkError, OSError):
                pass
            except ChatRefusedError as error:
                if error.code not in _RETRY:
                    self._write(op="refused", client=self.name, code=error.code)
            if self.link is not None:
                self.link.cut()
                self.link = None
            await asyncio.sleep(self._chance.uniform(0.02, 0.3))

    async def _live(self) -> None:
        port = self._chance.choice(self._ports)
        self.link = link = await ChatLink.connect("127.0.0.1", port, self._on_event, self._wake.set, cookie=self.cookie)
        self.counts["connections"] += 1
        await link.ask("chat_hello", {"protocol": 1} | ({"token": self.token} if self.token else {}), _ASK_S)
        self._needs_resume = True
        while link.is_open:
            if self._needs_resume:
                await self._resume(link)
            elif self._outbox:
                await self._send(link)
            else:
                self._wake.clear()
                if not self._needs_resume and not self._outbox and link.is_open:
                    await self._wake.wait()

    async def _resume(self, link: ChatLink) -> None:
        self._needs_resume = False
        self._early.clear()
        positions = [{"conversation_id": self.conversation, "last_seq": self.last_seq}]
        reply = await link.ask("chat_resume", {"positions": positions}, _ASK_S)
        opened = reply["conversations"][0]
        if opened["error"] is not None:
            raise ChatRefusedError(opened["error"])
        self.me = opened["me"]
        for event in opened["events"]:
            self._take(event)
        if not opened["live"]:
            self._needs_resume = True

    async def _send(self, link: ChatLink) -> None:
        act = self._outbox[0]
        if act.kind != "message" and not act.target:  # chosen once: every attempt is the same act
            if self._mine:
                act.target = self._mine[int(act.drawn * len(self._mine))]
            else:
                act.kind = "message"
        about = {"conversation": self.conversation, "author": self.me, "client_id": act.client_id}
        text = None if act.kind == "withdrawal" else act.text
        self._write(op="send", client=self.name, kind=act.kind, target=act.target, text=text, **about)
        payload: dict[str, Any] = {"conversation_id": self.conversation, "client_id": act.client_id}
        payload |= {} if text is None else {"text": text}
        payload |= {"target": act.target} if act.target else {}
        reply = await link.ask(_EVENTS[act.kind], payload, _ASK_S)
        self._write(op="ack", client=self.name, seq=reply["seq"], **about)
        self._outbox.pop(0)
        if act.kind == "message":
            self._mine.append(reply["seq"])
        elif act.kind == "withdrawal":
            self._mine.remove(act.target)
        self.counts[act.kind] += 1

    def _on_event(self, name: str, payload: Any) -> None:
        if name == "chat_event":
            self._take(payload)
        elif name == "chat_lagging":
            self.counts["lagging"] += 1
            self._ask_again()
        elif name in ("chat_reset", "chat_ended"):
            self._write(op=name, client=self.name, **payload)

    def _take(self, event: dict[str, Any]) -> None:
        seq = event["seq"]
        if seq <= self.last_seq:
            self.counts["duplicates"] += 1
            return
        if seq > self.last_seq + 1:
            self._early[seq] = event
            if len(self._early) > 50:
                self.counts["holes"] += 1
                self._ask_again()
            return
        self._apply(event)
        while (early := self._early.pop(self.last_seq + 1, None)) is not None:
            self._apply(early)

    def _apply(self, event: dict[str, Any]) -> None:
        self.last_seq = event["seq"]
        self._write(
            op="receive", client=self.name, conversation=self.conversation, seq=event["seq"],
            author=event["author"], client_id=event["client_id"], text=event["body"].get("text"), kind=event["kind"],
            target=event["target"], withdrawn=event["withdrawn"], role=event["author_role"],
            state=event["body"].get("state"), version=event["body"].get("version"),
        )  # fmt: skip

    def _ask_again(self) -> None:
        self._needs_resume = True
        self._wake.set()
