"""Retention: the published table, what is due, and legal holds."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import StringConstraints

from auth.permissions import Action
from companion.identity import Caller, asks, public
from companion.routes.shapes import Input, ObjectId, Output, PersonId
from companion.rules.retention import FRONT_TABLE, TABLE, DataKind, FrontKind, Keep, Row, configured_times
from companion.services import Services
from companion.store import retention as store

router = APIRouter(tags=["retention"])

Reporter = Annotated[Caller, asks(Action.RETENTION_REPORT)]
Holder = Annotated[Caller, asks(Action.LEGAL_HOLD)]
Anybody = Annotated[Services, public("How long data are kept is for everybody to know; it names nobody.")]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True, pattern=r"^[^\x00]*$")]


class RetentionOut(Output):
    """How long a kind of data is kept, from when, why, and what is done then."""

    kind: DataKind | FrontKind
    years: int
    days: int
    hours: int
    counted_from: str
    fate: Literal["erased", "anonymised"]
    reason: str


class ReportOut(Output):
    """How much of a kind is due now, and how much would be but is held."""

    kind: DataKind
    due: int
    held: int


class HoldIn(Input):
    """What of the care provider's data is to be kept; null: of all patients, of all kinds."""

    patient_person_id: PersonId | None = None
    kind: DataKind | None = None
    reason: Reason


class LiftIn(Input):
    """Why a hold is lifted."""

    reason: Reason


class HoldOut(Output):
    """A legal hold (bevarandebeslut)."""

    hold_id: str
    provider_hsa_id: str
    patient_person_id: str | None
    kind: DataKind | None
    reason: str
    placed_by: str
    placed_at: datetime
    lifted_by: str | None
    lifted_at: datetime | None
    lift_reason: str | None


@router.get("/retention")
async def read_table(services: Anybody) -> list[RetentionOut]:
    """How long each kind of data is kept."""
    rows: list[tuple[DataKind | FrontKind, Row]] = [*TABLE.items(), *FRONT_TABLE.items()]
    times: dict[DataKind | FrontKind, Keep] = {}
    times.update(configured_times(services.settings.retention).items())
    times[DataKind.AUDIT_ENTRY] = Keep(years=services.settings.audit_kept_years)
    return [
        RetentionOut(
            kind=kind,
            years=times.get(kind, row.keep).years,
            days=times.get(kind, row.keep).days,
            hours=times.get(kind, row.keep).hours,
            counted_from=row.counted_from,
            fate=row.fate,
            reason=row.reason,
        )
        for kind, row in rows
    ]


@router.get("/retention/report")
async def read_report(caller: Reporter) -> list[ReportOut]:
    """What would be erased now of the care provider's data; nothing is."""
    async with caller.reading() as transaction:
        return [ReportOut.model_validate(one) for one in await store.report(transaction, caller)]


@router.post("/legal-holds", status_code=201)
async def place_hold(body: HoldIn, caller: Holder) -> HoldOut:
    """Keep data of the care provider whatever the table says."""
    async with caller.transaction() as transaction:
        row = await store.place_hold(transaction, caller, body.patient_person_id, body.kind, body.reason)
        return HoldOut.model_validate(row)


@router.post("/legal-holds/{hold_id}/lift")
async def lift_hold(hold_id: ObjectId, body: LiftIn, caller: Holder) -> HoldOut:
    """Lift a hold; it stays in the list."""
    async with caller.transaction() as transaction:
        return HoldOut.model_validate(await store.lift_hold(transaction, caller, hold_id, body.reason))


@router.get("/legal-holds")
async def list_holds(caller: Holder) -> list[HoldOut]:
    """The care provider's holds, lifted ones too."""
    async with caller.transaction() as transaction:
        return [HoldOut.model_validate(row) for row in await store.list_holds(transaction, caller)]
