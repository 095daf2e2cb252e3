"""Extracts of everything that is kept of a person (registerutdrag)."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Response

from auth.permissions import Action
from companion.identity import Caller, asks
from companion.routes.answers import file_of, refusals
from companion.routes.shapes import Input, ObjectId, Output, PersonId
from companion.store import extracts as store

router = APIRouter(tags=["extracts"])

Orderer = Annotated[Caller, asks(Action.EXTRACT_ORDER)]
Reader = Annotated[Caller, asks(Action.EXTRACT_READ)]


class ExtractIn(Input):
    """Staff name the patient who has asked on paper; patients order their own."""

    patient_person_id: PersonId | None = None
    language: Literal["sv", "en"] = "sv"


class ExtractOut(Output):
    """An extract that is waited for, ready, or gone."""

    extract_id: str
    state: Literal["queued", "working", "ready", "failed", "expired"]
    parts_done: int
    parts: int
    language: Literal["sv", "en"]
    requested_at: datetime
    ready_at: datetime | None
    expires_at: datetime | None


@router.post("/export", status_code=202, responses=refusals(429))
async def order(body: ExtractIn, caller: Orderer) -> ExtractOut:
    """Order an extract; it is made in the background."""
    async with caller.transaction() as transaction:
        row = await store.order(transaction, caller, body.patient_person_id, body.language)
        return ExtractOut.model_validate(row)


@router.get("/export")
async def list_extracts(caller: Reader) -> list[ExtractOut]:
    """Those that one has ordered."""
    async with caller.transaction() as transaction:
        return [ExtractOut.model_validate(row) for row in await store.listed(transaction, caller)]


@router.get("/export/{extract_id}")
async def read_extract(extract_id: ObjectId, caller: Reader) -> ExtractOut:
    """How far it has come."""
    async with caller.transaction() as transaction:
        return ExtractOut.model_validate(await store.own_extract(transaction, caller, extract_id))


@router.get(
    "/export/{extract_id}/json",
    response_class=Response,
    responses=file_of("application/json") | refusals(409, 410),
)
async def read_json(extract_id: ObjectId, caller: Reader) -> Response:
    """Fetch it, for programs."""
    async with caller.transaction() as transaction:
        row = await store.fetch(transaction, caller, extract_id)
    return _file(row.json or "", "application/json", "json")


@router.get(
    "/export/{extract_id}/pdf",
    response_class=Response,
    responses=file_of("application/pdf") | refusals(409, 410),
)
async def read_pdf(extract_id: ObjectId, caller: Reader) -> Response:
    """Fetch it, for people."""
    async with caller.transaction() as transaction:
        row = await store.fetch(transaction, caller, extract_id)
    return _file(row.pdf or b"", "application/pdf", "pdf")


def _file(content: str | bytes, media_type: str, ending: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="registerutdrag.{ending}"'}
    return Response(content, media_type=media_type, headers=headers)
