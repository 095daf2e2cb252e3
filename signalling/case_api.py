"""Cases over HTTP: opening, lists, and the workflow. Messages themselves travel over the socket."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from auth.permissions import Action, Resource
from auth.principal import Principal
from chat.case_service import CaseService, view_for
from chat.cases import Case, CaseError
from chat.errors import ChatError
from chat.history import as_edited, newest_edits
from chat.service import ChatService
from signalling.case_lists import CaseLists, wanted_of
from signalling.case_views import (
    CaseList,
    CaseView,
    ChangeCase,
    GiveCase,
    NoteList,
    NoteView,
    NoteWritten,
    OpenCase,
    ReturnCase,
    WriteNote,
)
from signalling.companion_answers import CompanionRefusedError, CompanionUnavailableError
from signalling.companion_client import CompanionClient
from signalling.companion_protection import Protections
from signalling.guard import GUARD, MINE, guarded, principal_of
from signalling.http_api import read_body
from signalling.http_errors import HttpError, HttpErrorCode
from signalling.routes import Route

MAX_NOTES: Final = 200
CASE: Final = web.RequestKey("case", Case)
"""The case that a request's path names, once the guard has looked it up."""

_ONE: Final = "/api/cases/{case_id}"
ROUTES: Final = (
    Route("POST", "/api/cases", Action.CASE_CREATE, OpenCase.__doc__ or "", OpenCase, CaseView,
          (200, 400, 404, 409, 429, 503)),
    Route("GET", "/api/cases", Action.CASE_LIST,
          "A patient's cases, or the unit's: the open ones, or with `?closed=1` the closed ones; `?offset=` asks for a "
          "later page. `?case=` asks for one of them as the list shows it; none: it is not there any more. `?q=` asks "
          "for open and closed ones whose subject (for staff, or patient's name) has all the words.", reply=CaseList,
          statuses=(200, 400)),
    Route("GET", _ONE, Action.CASE_READ, "One case.", reply=CaseView, statuses=(200, 404)),
    Route("POST", f"{_ONE}/assign", Action.CASE_ASSIGN, "Take a case of the queue, or give it to a colleague.",
          GiveCase, CaseView, (200, 400, 404, 409)),
    Route("POST", f"{_ONE}/hand-over", Action.CASE_ASSIGN, "Give a case that somebody has to another colleague.",
          GiveCase, CaseView, (200, 400, 404, 409)),
    Route("POST", f"{_ONE}/return", Action.CASE_ASSIGN, ReturnCase.__doc__ or "", ReturnCase, CaseView,
          (200, 400, 404, 409)),
    Route("POST", f"{_ONE}/close", Action.CASE_CLOSE, "Close a case: it is archived, nobody writes any more.",
          ChangeCase, CaseView, (200, 400, 404, 409)),
    Route("POST", f"{_ONE}/reopen", Action.CASE_REOPEN, "Open a closed case again, while that is possible.",
          ChangeCase, CaseView, (200, 400, 404, 409)),
    Route("POST", f"{_ONE}/notes", Action.STAFF_CHAT, WriteNote.__doc__ or "", WriteNote, NoteWritten,
          (201, 400, 404, 409, 429)),
    Route("GET", f"{_ONE}/notes", Action.STAFF_CHAT, NoteList.__doc__ or "", reply=NoteList, statuses=(200, 404)),
)  # fmt: skip

_CODES: Final[Mapping[str, HttpErrorCode]] = {
    "unknown_case": "not_found",
    "too_many_cases": "too_many",
    "unknown_conversation": "not_found",
    "conversation_closed": "case_closed",
    "conversation_full": "conflict",
    "chat_unavailable": "unavailable",
    "invalid": "invalid_request",
}


def http_error(error: CaseError | ChatError) -> HttpError:
    """The refusal for a request; what is not listed is called the same there."""
    return HttpError(_CODES.get(error.code, error.code), cause=error.code)  # type: ignore[arg-type]  # tested for all


class CaseApi:
    """The handlers."""

    def __init__(
        self,
        service: CaseService,
        chat: ChatService,
        may_write: Callable[[str], bool],
        protected: Callable[[Collection[str]], Awaitable[frozenset[str]]],
        companion: CompanionClient | None = None,
        protections: Protections | None = None,
    ) -> None:
        """``may_write``: whether somebody has not written too often, over sockets and requests together.
        ``protected``: who of some people has a protected identity.
        """
        self._companion = companion
        self._protections = protections
        self._service = service
        self._chat = chat
        self._may_write = may_write
        self._protected = protected
        self._lists = CaseLists(service.cases, protected)

    def add_routes(self, app: web.Application) -> None:
        """All of this page."""
        app.router.add_post("/api/cases", self.open)
        app.router.add_get("/api/cases", self.list)
        app.router.add_get(_ONE, self.read)
        app.router.add_post(f"{_ONE}/assign", self.assign)
        app.router.add_post(f"{_ONE}/hand-over", self.hand_over)
        app.router.add_post(f"{_ONE}/return", self.return_to_queue)
        app.router.add_post(f"{_ONE}/close", self.close)
        app.router.add_post(f"{_ONE}/reopen", self.reopen)
        app.router.add_post(f"{_ONE}/notes", self.write_note)
        app.router.add_get(f"{_ONE}/notes", self.read_notes)

    # --- what requests are about -------------------------------------------------------------------------------

    async def _case(self, request: web.Request) -> Resource | None:
        case = await self._service.cases.get(request.match_info["case_id"])
        if case is None:
            return None
        request[CASE] = case
        return resource_of(case)

    # --- opening and looking -----------------------------------------------------------------------------------

    @guarded(Action.CASE_CREATE, resource=MINE)
    async def open(self, request: web.Request) -> web.Response:
        """POST /api/cases: patients at any unit, for themselves; staff in their own unit, for any patient."""
        principal, body = principal_of(request), await read_body(request, OpenCase)
        if principal.kind == "staff":
            patient, patient_name = await self._patient_of_staff(request, body), ""
        else:
            patient, patient_name = principal.subject or "", await _patient_name(request, principal)
        if body.booking_id is not None:
            await self._check_booking(principal, body, patient)
        if self._protections is not None:
            await self._protections.learn(principal, patient)
        try:
            case = await self._service.open(
                principal,
                booking_id=body.booking_id,
                provider_hsa_id=body.provider_hsa_id,
                unit_hsa_id=body.unit_hsa_id,
                patient=patient,
                patient_name=patient_name,
                subject=body.subject,
                client_id=body.client_id,
            )
        except (CaseError, ChatError) as error:
            raise http_error(error) from None
        return await self._answer(principal, case)

    async def _check_booking(self, principal: Principal, body: OpenCase, patient: str) -> None:
        """The booking is that patient's at that unit, and one that patients may write about; staff write about any."""
        if self._companion is None:
            raise HttpError("unavailable", "booking_id", cause="no_companion")
        try:
            answer = await self._companion.get(f"/bookings/{body.booking_id}/messaging", principal)
        except CompanionUnavailableError as error:
            raise HttpError("unavailable", "booking_id", cause=f"companion_{error.cause}") from None
        except CompanionRefusedError:
            raise HttpError("not_found", "booking_id") from None
        said: Any = answer.body
        place = (said["provider_hsa_id"], said["unit_hsa_id"], said["patient_person_id"])
        if place != (body.provider_hsa_id, body.unit_hsa_id, patient):
            raise HttpError("not_found", "booking_id")
        if principal.kind == "patient" and said["patient_may_message"] is not True:
            raise HttpError("forbidden", "booking_id", cause="patient_may_message")

    async def _patient_of_staff(self, request: web.Request, body: OpenCase) -> str:
        """For whom a staff member opens a case; who that is stands in the audit log."""
        principal = principal_of(request)
        if body.patient is None:
            raise HttpError("invalid_request", "patient")
        if (body.provider_hsa_id, body.unit_hsa_id) != (principal.provider_hsa_id, principal.unit_hsa_id):
            raise HttpError("not_found", "unit_hsa_id")
        about = Resource(body.provider_hsa_id, body.unit_hsa_id, body.patient)
        await request.app[GUARD].note(request, Action.CASE_CREATE, about)
        await self._meet(principal)
        return body.patient

    @guarded(Action.CASE_LIST, resource=MINE)
    async def list(self, request: web.Request) -> web.Response:
        """GET /api/cases. For staff each patient on the list is a read of its own in the audit log."""
        principal = principal_of(request)
        if principal.kind == "staff":
            await self._meet(principal)
        listed = await self._lists.page(principal, wanted_of(request))
        if principal.kind == "staff":
            about = {case.patient: resource_of(case) for case in listed.cases}
            guard = request.app[GUARD]
            await asyncio.gather(*(guard.note(request, Action.CASE_LIST, resource) for resource in about.values()))
        views = await self._views(principal, listed.cases, is_list=True)
        return web.json_response(CaseList(cases=list(views), next_offset=listed.next_offset).model_dump())

    @guarded(Action.CASE_READ, resource=_case)
    async def read(self, request: web.Request) -> web.Response:
        """GET /api/cases/{case_id}. A patient's first look at what staff have opened tells the unit their name."""
        principal, case = principal_of(request), request[CASE]
        if principal.kind == "patient" and not case.patient_name:
            named = await self._service.cases.name_patient(case.case_id, await _patient_name(request, principal))
            case = named or case
            await self._service.hint(case)
        return await self._answer(principal, case)

    # --- the workflow ------------------------------------------------------------------------------------------

    @guarded(Action.CASE_ASSIGN, resource=_case)
    async def assign(self, request: web.Request) -> web.Response:
        """POST /api/cases/{case_id}/assign."""
        body, principal = await read_body(request, GiveCase), principal_of(request)
        await self._meet(principal)
        assignee = body.assignee or principal.actor
        return await self._change(request, self._service.assign, assignee, version=body.version)

    @guarded(Action.CASE_ASSIGN, resource=_case)
    async def hand_over(self, request: web.Request) -> web.Response:
        """POST /api/cases/{case_id}/hand-over."""
        body, principal = await read_body(request, GiveCase), principal_of(request)
        await self._meet(principal)
        assignee = body.assignee or principal.actor
        return await self._change(request, self._service.hand_over, assignee, version=body.version)

    @guarded(Action.CASE_ASSIGN, resource=_case)
    async def return_to_queue(self, request: web.Request) -> web.Response:
        """POST /api/cases/{case_id}/return."""
        body = await read_body(request, ReturnCase)
        arguments = {"unit_hsa_id": body.unit_hsa_id, "version": body.version}
        return await self._change(request, self._service.return_to_queue, **arguments)

    @guarded(Action.CASE_CLOSE, resource=_case)
    async def close(self, request: web.Request) -> web.Response:
        """POST /api/cases/{case_id}/close."""
        body = await read_body(request, ChangeCase)
        return await self._change(request, self._service.close, version=body.version)

    @guarded(Action.CASE_REOPEN, resource=_case)
    async def reopen(self, request: web.Request) -> web.Response:
        """POST /api/cases/{case_id}/reopen."""
        body = await read_body(request, ChangeCase)
        return await self._change(request, self._service.reopen, version=body.version)

    # --- internal notes ----------------------------------------------------------------------------------------

    @guarded(Action.STAFF_CHAT, resource=_case)
    async def write_note(self, request: web.Request) -> web.Response:
        """POST /api/cases/{case_id}/notes."""
        body = await read_body(request, WriteNote)
        if not self._may_write(principal_of(request).actor):
            raise HttpError("too_many", cause="message_rate")
        try:
            appended = await self._service.note(principal_of(request), request[CASE].case_id, body.client_id, body.text)
        except (CaseError, ChatError) as error:
            raise http_error(error) from None
        return web.json_response(NoteWritten(seq=appended.seq, at_ms=appended.at_ms).model_dump(), status=201)

    @guarded(Action.STAFF_CHAT, resource=_case)
    async def read_notes(self, request: web.Request) -> web.Response:
        """GET /api/cases/{case_id}/notes: the last ones."""
        try:
            page = await self._chat.history(principal_of(request), request[CASE].notes_id, 2**53, MAX_NOTES)
        except ChatError as error:
            raise http_error(error) from None
        edits = newest_edits(page.events)
        notes = [
            NoteView(seq=event.seq, at_ms=event.at_ms, author_name=event.author_name, text=event.body.get("text", ""))
            for event in (as_edited(event, edits) for event in page.events)
            if event.kind == "message" and not event.is_withdrawn
        ]
        return web.json_response(NoteList(notes=notes).model_dump())

    # --- inside ------------------------------------------------------------------------------------------------

    async def _change(self, request: web.Request, act: Any, *arguments: Any, **options: Any) -> web.Response:
        try:
            case = await act(request[CASE].case_id, *arguments, **options)
        except (CaseError, ChatError) as error:
            raise http_error(error) from None
        return await self._answer(principal_of(request), case)

    async def _meet(self, principal: Principal) -> None:
        """Who works with the unit's cases can be given some."""
        unit = (principal.provider_hsa_id or "", principal.unit_hsa_id or "")
        await self._service.meet(*unit, principal.actor, principal.display_name)

    async def _answer(self, principal: Principal, case: Case) -> web.Response:
        return web.json_response((await self._views(principal, [case]))[0].model_dump())

    async def _views(
        self, principal: Principal, cases: Sequence[Case], *, is_list: bool = False
    ) -> tuple[CaseView, ...]:
        """The cases as somebody may see them."""
        if not cases:
            return ()
        one_of_each_unit = {case.unit_hsa_id: case for case in cases}
        policies = {unit: await self._service.policy(case) for unit, case in one_of_each_unit.items()}
        colleagues = await self._colleagues(principal, cases[0])
        is_staff = principal.kind == "staff"
        protected = await self._protected([case.patient for case in cases]) if is_staff else frozenset()
        try:
            reads = await self._service.reads_of(principal.actor, cases)
        except ChatError as error:
            raise http_error(error) from None
        return tuple(
            CaseView(
                **view_for(
                    case,
                    principal,
                    policies[case.unit_hsa_id],
                    colleagues,
                    reads[case.case_id],
                    is_protected=case.patient in protected,
                    is_masked=is_list and case.patient in protected,
                )
            )
            for case in cases
        )

    async def _colleagues(self, principal: Principal, case: Case) -> Mapping[str, str]:
        """Names of those who may have the case; patients are not shown any."""
        if principal.kind != "staff":
            return {}
        return await self._service.cases.names(case.provider_hsa_id, case.unit_hsa_id)


def resource_of(case: Case) -> Resource:
    """What permissions on a case are decided on."""
    return Resource(provider_hsa_id=case.provider_hsa_id, unit_hsa_id=case.unit_hsa_id, patient_person_id=case.patient)


async def _patient_name(request: web.Request, principal: Principal) -> str:
    """The patient's name: one's own, or that of whom one acts for."""
    if not principal.is_proxy:
        return principal.display_name
    session = await request.app[GUARD].find_session(request)
    return session.acting_for.name if session is not None and session.acting_for is not None else ""
