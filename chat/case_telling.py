"""When the patient of a case is told outside the service that something waits, and when not again."""

from collections.abc import Callable, Collection
from typing import Final, Protocol

from chat.case_store import CaseStore
from chat.cases import Case, CaseState
from chat.events import alias
from chat.store import ChatStore
from chat.unit_settings import UnitSettings, UnitStore

PRESENT_READS_S: Final = 60
"""Who has a case open and has not read a new message after so long does not look at it."""


class CaseNotices(Protocol):
    """Tells the patient outside the service that something waits for them."""

    async def case_changed(self, case: Case, unit: UnitSettings | None, template_id: str) -> None:
        """``template_id``: ``new_message`` or ``case_closed``; once for each message, and for each closing."""

    async def people_told(self, case: Case) -> Collection[str]:
        """Person ids of those who are told: who of them has read, has read what they were told of."""

    async def may_know(self, case: Case, seq: int) -> bool:
        """Whether a notice of the unit's message with this number has gone out, or still may."""


class NoNotices:
    """Where no notices are sent."""

    async def case_changed(self, case: Case, unit: UnitSettings | None, template_id: str) -> None:
        """Nobody is told."""

    async def people_told(self, case: Case) -> Collection[str]:  # noqa: ARG002
        """Nobody."""
        return ()

    async def may_know(self, case: Case, seq: int) -> bool:  # noqa: ARG002
        """Nobody is told, and so nobody again."""
        return True


class CaseTelling:
    """Tells once of all that is unread, and of the end."""

    def __init__(
        self, cases: CaseStore, store: ChatStore, units: UnitStore, notices: CaseNotices, *, clock: Callable[[], float]
    ) -> None:
        self._cases = cases
        self._store = store
        self._units = units
        self._notices = notices
        self._clock = clock

    async def closed(self, case: Case) -> None:
        """The case is closed."""
        unit = await self._units.get(case.provider_hsa_id, case.unit_hsa_id)
        await self._notices.case_changed(case, unit, "case_closed")

    async def message(self, case: Case, *, is_due: bool = False) -> None:
        """Tell the patient of the unit's last message, unless they have read it, or not yet what they were told before.
        Who has the case open most likely reads it at once: they are told if they have not after a while (``is_due``).

        So one notice stands for all that is unread; one that led nowhere, or could lead nowhere then, stands for
        nothing. Who wrote after a message has read it, whatever the receipts say.
        """
        told = await self._cases.told_through(case.case_id)
        if case.last_staff_seq <= told:
            return
        people = {alias(case.case_id, person) for person in await self._notices.people_told(case)}
        receipts = await self._store.receipts(case.case_id)
        read = max([case.last_patient_seq, *(receipts[one].read for one in people if one in receipts)])
        if read >= case.last_staff_seq:
            return
        if told <= read or not await self._notices.may_know(case, told):
            if not is_due and people & await self._store.present(case.case_id):
                await self._cases.tell_later(case.case_id, self._clock() + PRESENT_READS_S)
                return
            unit = await self._units.get(case.provider_hsa_id, case.unit_hsa_id)
            await self._notices.case_changed(case, unit, "new_message")
            await self._cases.tell_through(case.case_id, case.last_staff_seq)

    async def late(self, case_id: str) -> None:
        """It is time to look whether who had the case open has read."""
        case = await self._cases.get(case_id)
        if case is not None and case.state is not CaseState.CLOSED:  # of the end they are told anyway
            await self.message(case, is_due=True)
