"""Fees for absence and late cancellation: their rules, and what a unit has charged."""

import csv
import io
from datetime import date, datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from auth.permissions import Action
from companion.errors import INVALID_REQUEST, Problem
from companion.identity import Caller, asks, public
from companion.routes.answers import file_of
from companion.routes.organisation import Admin
from companion.routes.shapes import Day, HsaId, Input, ObjectId, Output
from companion.rules.local_time import local, local_date
from companion.rules.masking import Surface
from companion.rules.masking import shown as masked
from companion.services import Services
from companion.store import fee_lists, fees
from companion.store.chains import identity_of

router = APIRouter(tags=["fees"])

Reader = Annotated[Caller, asks(Action.FEE_READ)]
MAX_DAYS: Final = 366
_COLUMNS: Final = (
    "avgift", "belopp_kr", "debiterad", "besok", "tidstyp", "namn", "personnummer", "skyddad", "giltigt_skal",
    "bokning",
)  # fmt: skip
_KINDS: Final = {"late_cancellation": "sen avbokning", "absence": "uteblivet besök"}
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is a formula to spreadsheet programs."""


class FeeRuleIn(Input):
    """What something costs from a day on."""

    kind: Literal["late_cancellation", "absence"]
    amount_ore: Annotated[int, Field(ge=0, le=1_000_000)]
    valid_from: Day
    valid_until: Day | None = None
    time_type_id: ObjectId | None = None


class FeeRuleEnd(Input):
    """The last day on which the rule stands: today or later."""

    last_day: Day


class FeeRuleOut(Output):
    """A fee rule."""

    rule_id: str
    kind: str
    amount_ore: int
    valid_from: Day
    valid_until: Day | None
    time_type_id: str | None


class ChargedOut(Output):
    """A fee that was charged."""

    booking_id: str
    kind: Literal["late_cancellation", "absence"]
    amount_ore: int
    charged_at: datetime
    starts_at: datetime
    """Of the visit."""
    time_type: str
    patient_person_id: str
    patient_name: str
    """Masked when the identity is protected; then there is no number either."""
    identity_number: str | None
    is_protected: bool
    is_excused: bool
    """Nothing is to be paid."""


class ChargedListOut(Output):
    """A period's, and what is to be paid of it."""

    fees: list[ChargedOut]
    total_ore: int


# --- rules -------------------------------------------------------------------------------------------------------


@router.get("/fee-rules")
async def list_fee_rules(
    services: Annotated[Services, public("What absence costs is public.")], provider: Annotated[HsaId, Query()]
) -> list[FeeRuleOut]:
    """A care provider's fee rules."""
    async with services.database.reading(services.clock()) as transaction:
        return [FeeRuleOut.model_validate(row) for row in await fees.fee_rules(transaction, provider)]


@router.post("/providers/{hsa_id}/fee-rules", status_code=201)
async def add_fee_rule(hsa_id: HsaId, body: FeeRuleIn, caller: Admin) -> FeeRuleOut:
    """A new fee rule (region administrators)."""
    async with caller.transaction() as transaction:
        return FeeRuleOut.model_validate(await fees.add_fee_rule(transaction, caller, hsa_id, body.model_dump()))


@router.post("/fee-rules/{rule_id}/end")
async def end_fee_rule(rule_id: ObjectId, body: FeeRuleEnd, caller: Admin) -> FeeRuleOut:
    """Let a fee rule end on a day (region administrators). What was charged stays."""
    async with caller.transaction() as transaction:
        return FeeRuleOut.model_validate(await fees.end_fee_rule(transaction, caller, rule_id, body.last_day))


# --- what was charged --------------------------------------------------------------------------------------------


def _shown(row: fee_lists.Charged) -> ChargedOut:
    person = masked(identity_of(row.person), Surface.QUEUE)
    return ChargedOut(
        booking_id=row.booking.booking_id,
        kind=row.fee.kind,  # type: ignore[arg-type]  # only written from the same words
        amount_ore=row.fee.amount_ore,
        charged_at=row.fee.charged_at,
        starts_at=row.booking.starts_at,
        time_type=row.time_type,
        patient_person_id=row.person.person_id,
        patient_name=person.name,
        identity_number=person.number,
        is_protected=person.is_marked,
        is_excused=row.fee.excused_by is not None,
    )


async def _charged(caller: Caller, hsa_id: str, first: date, last: date) -> list[ChargedOut]:
    if not 0 <= (last - first).days < MAX_DAYS:
        raise Problem(INVALID_REQUEST, "last", "not a period")
    async with caller.transaction() as transaction:
        return [_shown(row) for row in await fee_lists.of_unit(transaction, caller, hsa_id, first, last)]


@router.get("/units/{hsa_id}/fees")
async def list_charged(
    hsa_id: HsaId, caller: Reader, first: Annotated[Day, Query()], last: Annotated[Day, Query()]
) -> ChargedListOut:
    """What a unit has charged from a day to another, by when it was charged (local dates, a year at most)."""
    found = await _charged(caller, hsa_id, first, last)
    return ChargedListOut(fees=found, total_ore=sum(one.amount_ore for one in found if not one.is_excused))


@router.get("/units/{hsa_id}/fees.csv", response_class=Response, responses=file_of("text/csv"))
async def export_charged(
    hsa_id: HsaId, caller: Reader, first: Annotated[Day, Query()], last: Annotated[Day, Query()]
) -> Response:
    """The same as a table for the system that makes invoices: semicolons, UTF-8 with its mark, a line for each."""
    text = _table(await _charged(caller, hsa_id, first, last))
    name = f"avgifter-{first.isoformat()}-{last.isoformat()}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text.encode("utf-8-sig"), media_type="text/csv", headers=headers)


def _table(rows: list[ChargedOut]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for one in rows:
        cells = (
            _KINDS[one.kind],
            f"{one.amount_ore // 100},{one.amount_ore % 100:02}",
            local_date(one.charged_at).isoformat(),
            local(one.starts_at).strftime("%Y-%m-%d %H:%M"),
            one.time_type,
            one.patient_name,
            one.identity_number or "",
            "ja" if one.is_protected else "nej",
            "ja" if one.is_excused else "nej",
            one.booking_id,
        )
        writer.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    return out.getvalue()
