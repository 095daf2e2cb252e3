"""E-kallelse: the attachments of a summons."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Body, Query, Response

from auth.permissions import Action
from companion.identity import Caller, asks
from companion.routes.answers import file_of
from companion.routes.shapes import Name, ObjectId, Output
from companion.store import summons_attachments as store

router = APIRouter(tags=["e-kallelse"])

Writer = Annotated[Caller, asks(Action.SUMMONS_WRITE)]
Reader = Annotated[Caller, asks(Action.SUMMONS_READ)]
Pdf = Annotated[bytes, Body(media_type="application/pdf")]


class AttachmentOut(Output):
    """An attachment, without its content."""

    attachment_id: str
    name: str
    size_bytes: int
    added_at: datetime


@router.post("/summons/{summons_id}/attachments", status_code=201)
async def attach(summons_id: ObjectId, name: Annotated[Name, Query()], caller: Writer, body: Pdf) -> AttachmentOut:
    """Put a PDF to a draft. Its pages are kept and nothing else of it."""
    return AttachmentOut.model_validate(await store.attach(caller, summons_id, name, body))


@router.delete("/summons/{summons_id}/attachments/{attachment_id}", status_code=204)
async def detach(summons_id: ObjectId, attachment_id: ObjectId, caller: Writer) -> None:
    """Take it away from a draft."""
    async with caller.transaction() as transaction:
        await store.detach(transaction, caller, summons_id, attachment_id)


@router.get("/summons/{summons_id}/attachments")
async def attached(summons_id: ObjectId, caller: Reader) -> list[AttachmentOut]:
    """What goes with a summons."""
    async with caller.transaction() as transaction:
        rows = await store.attached(transaction, caller, summons_id)
        return [AttachmentOut.model_validate(row) for row in rows]


@router.get(
    "/summons/{summons_id}/attachments/{attachment_id}",
    response_class=Response,
    responses=file_of("application/pdf"),
)
async def read(summons_id: ObjectId, attachment_id: ObjectId, caller: Reader) -> Response:
    """One attachment as a PDF, to be kept and not to be run."""
    async with caller.transaction() as transaction:
        content = await store.content_of(transaction, caller, summons_id, attachment_id)
    headers = {
        "Content-Disposition": f'attachment; filename="{attachment_id}.pdf"',
        "Content-Security-Policy": "sandbox",
    }
    return Response(content, media_type="application/pdf", headers=headers)
