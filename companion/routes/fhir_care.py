"""What care was given and who looked at it, as FHIR R4."""

import re
from dataclasses import replace
from typing import Final

from fastapi import Request, Response

from companion.errors import Problem
from companion.fhir import care
from companion.fhir.elements import Resource
from companion.fhir.search import PARAMETER_VALUE, Parameter
from companion.routes.fhir_table import Kind
from companion.routes.looks import BEFORE, OwnReader, cursor
from companion.store import looks

AUDIT_EVENT: Final = Kind(
    "AuditEvent",
    "Uses of one's own data by others, latest first.",
    Parameter("before", "string", "Where the page before ended, as its link next says it."),
)


@AUDIT_EVENT.search()
async def search_audit_events(request: Request, caller: OwnReader) -> Response:
    """Uses of one's own data by others. No other patient is named, no address told."""
    question = await AUDIT_EVENT.asked(request)
    if question.offset:
        raise Problem(PARAMETER_VALUE, "_offset", "ask for the page that link next names")
    before = question.one("before")
    if before is not None and not re.fullmatch(BEFORE, before):
        raise Problem(PARAMETER_VALUE, "before")
    async with caller.transaction() as transaction:
        found = await looks.of_own_data(
            transaction,
            caller,
            before=cursor(before),
            limit=question.count,
            own_too=False,
        )
    page = [_event(look) for look in found]
    following = None
    if len(found) == question.count:
        following = replace(question, values={**question.values, "before": (str(found[-1].found.cursor),)})
    return AUDIT_EVENT.part(request, question, page, following)


def _event(look: looks.Look) -> Resource:
    entry = replace(look.entry, address=None)
    if look.actor_kind == "proxy":
        entry = replace(entry, actor="proxy")
    elif look.actor_kind == "other":
        entry = replace(entry, actor="other", on_behalf_of=None)
    return care.audit_event(look.place.number, entry, chain=look.place.chain)
