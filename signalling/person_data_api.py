"""What the front keeps of a person, for an extract (registerutdrag): asked by the companion, which has all else."""

from typing import Any, Final

from aiohttp import web
from pydantic import Field

from auth.permissions import Action, Resource
from auth.pseudonyms import is_person_id
from chat.case_store import PAGE, CaseStore
from chat.cases import Case, CaseState
from chat.contacts import Contacts
from chat.errors import ChatError
from chat.events import Event
from chat.store import MAX_PAGE, ChatStore
from signalling.guard import guarded
from signalling.protocol import Message
from signalling.routes import Route

PATH: Final = "/api/companion/persons/{person_id}"


class KeptContact(Message):
    """Where somebody is told."""

    phone: str
    email: str
    language: str
    push_devices: int = Field(description="Browsers that are sent notices.")


class KeptMessage(Message):
    """A message of an open case; the unit's internal notes too, which the companion gives to no patient."""

    at: int = Field(description="Milliseconds since the epoch.")
    sender: str = Field(description="`patient`, `proxy` or `staff`.")
    kind: str = Field(description="`message`, `edit`..., with `notes_` before it for internal notes.")
    text: str
    files: list[str]


class KeptCase(Message):
    """A case that is not closed, or not archived yet; other closed ones are in the companion's archive."""

    provider_hsa_id: str
    unit_hsa_id: str
    subject: str
    state: str
    messages: list[KeptMessage]


class PersonData(Message):
    """What the front keeps of a person: for the companion alone, which puts it into an extract."""

    contact: KeptContact
    cases: list[KeptCase]


ROUTES: Final = (
    Route("GET", PATH, Action.PERSON_DATA, PersonData.__doc__ or "", reply=PersonData, statuses=(200, 404, 503)),
)  # fmt: skip


async def _whose(_api: "PersonDataApi", request: web.Request) -> Resource | None:
    person_id = request.match_info["person_id"]
    return Resource(patient_person_id=person_id) if is_person_id(person_id) else None


class PersonDataApi:
    """The handler."""

    def __init__(self, contacts: Contacts, cases: CaseStore, store: ChatStore) -> None:
        self._contacts = contacts
        self._cases = cases
        self._store = store

    def add_routes(self, app: web.Application) -> None:
        """Its only one."""
        app.router.add_get(PATH, self.read)

    @guarded(Action.PERSON_DATA, resource=_whose)
    async def read(self, request: web.Request) -> web.Response:
        """GET /api/companion/persons/{person_id}."""
        person_id = request.match_info["person_id"]
        contact = await self._contacts.get(person_id)
        kept = KeptContact(
            phone=contact.phone,
            email=contact.email,
            language=contact.language,
            push_devices=len(contact.subscriptions),
        )
        cases: list[KeptCase] = []
        offset = 0
        while page := await self._cases.of_patient(person_id, offset=offset):
            offset += PAGE
            cases += [await self._case(case) for case in page if await self._is_here(case)]
        return web.json_response(PersonData(contact=kept, cases=cases).model_dump())

    async def _is_here(self, case: Case) -> bool:
        """Whether the archive may lack something of it; then better twice than not at all."""
        return case.state is not CaseState.CLOSED or await self._cases.is_unfinished(case.case_id)

    async def _case(self, case: Case) -> KeptCase:
        found = [
            _message(event, prefix)
            for conversation_id, prefix in ((case.conversation_id, ""), (case.notes_id, "notes_"))
            for event in await self._events(conversation_id)
        ]
        return KeptCase(
            provider_hsa_id=case.provider_hsa_id,
            unit_hsa_id=case.unit_hsa_id,
            subject=case.subject,
            state=case.state.value,
            messages=found,
        )

    async def _events(self, conversation_id: str) -> list[Event]:
        found: list[Event] = []
        after = 0
        while True:
            try:
                page = await self._store.read_after(conversation_id, after, MAX_PAGE)
            except ChatError as error:
                if error.code == "unknown_conversation":  # opened a moment ago, or gone
                    return found
                raise
            found += [event for event in page.events if event.kind != "system" and not event.is_withdrawn]
            if not page.events:
                return found
            after = page.events[-1].seq


def _message(event: Event, prefix: str) -> KeptMessage:
    body: Any = event.body
    return KeptMessage(
        at=event.at_ms,
        sender=event.author_role,
        kind=f"{prefix}{event.kind}",
        text=str(body.get("text", "")),
        files=[str(one.get("name", "")) for one in body.get("attachments", ())],
    )
