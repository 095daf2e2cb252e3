"""People of whom the companion keeps nothing any more: what the front kept of them beside the care goes, too."""

from chat.case_store import CaseStore
from chat.contacts import Contacts
from signalling.companion_answers import CompanionRefusedError
from signalling.companion_caller import FRONT
from signalling.companion_client import CompanionClient
from signalling.companion_events import CompanionEvent, text_of


class CompanionPeople:
    """The handler of ``person.erased``."""

    def __init__(self, client: CompanionClient, contacts: Contacts, cases: CaseStore) -> None:
        self._client = client
        self._contacts = contacts
        self._cases = cases

    async def erased(self, event: CompanionEvent) -> None:
        """Forget where they were told, and that there were cases. Who has logged in again since is known again."""
        person_id = text_of(event.payload, "patient")
        try:
            await self._client.get(f"/persons/{person_id}/protection", FRONT)
        except CompanionRefusedError as error:
            if error.status != 404:
                raise
            await self._contacts.erase(person_id)
            await self._cases.forget_patient(person_id)
