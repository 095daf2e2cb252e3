"""Many participants at once: joining a bounded number at a time, and what their joins cost."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from loadtest.driver import BankDriver
from loadtest.participant import JoinError, JoinTimes, Participant, Publication
from loadtest.peerbank import PeerBank
from loadtest.transport import TransportError
from rtc.dtls import DtlsCertificate

JOINS_AT_ONCE = 20
"""Joins under way at the same time: enough to fill a server core, few enough that a join's time means something."""


@dataclass
class Crowd:
    """Participants on one bank. Every one shares a certificate: what is measured is the server's work, not ours."""

    capacity: int
    bank: PeerBank = field(init=False)
    driver: BankDriver = field(init=False)
    certificate: DtlsCertificate = field(init=False)
    participants: list[Participant] = field(default_factory=list)
    times: list[JoinTimes] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bank = PeerBank(self.capacity)
        self.driver = BankDriver(self.bank)
        self.certificate = DtlsCertificate.generate(datetime.now(UTC))

    async def join(
        self,
        url: str,
        tokens: list[str],
        *,
        publication: Publication | None = None,
        slots: int,
        verify_certificate: bool = True,
    ) -> list[Participant]:
        """Let one participant per token join; those that could not are counted by cause."""
        limit = asyncio.Semaphore(JOINS_AT_ONCE)

        async def one(token: str) -> Participant | None:
            participant = Participant(
                self.driver,
                self.certificate,
                url,
                token,
                publication=publication,
                slots=slots,
                verify_certificate=verify_certificate,
            )
            async with limit:
                try:
                    self.times.append(await participant.join())
                except (JoinError, TransportError) as error:
                    self.failures.append(error.code)
                    return None
            return participant

        joined = [entry for entry in await asyncio.gather(*map(one, tokens)) if entry is not None]
        self.participants += joined
        return joined

    async def leave(self) -> None:
        """Everybody leaves, and the bank is closed."""
        await asyncio.gather(*(participant.leave() for participant in self.participants), return_exceptions=True)
        self.participants.clear()
        self.bank.close()
