"""A region with a midwife's unit and three maternity clinics, and pregnancies to place."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from companion.models.maternity import Pregnancy
from companion.models.organisation import Unit
from companion.models.outbox import OutboxRow
from companion.services import Services
from companion.store.maternity_allocation import sweep_maternity
from tests.companion.people import ANNA, OTHER_PROVIDER, PROVIDER, Api, patient, staff
from tests.companion.world import found, person

MIDWIFE = staff()
REGION = staff("region_admin", actor="SE5555555555-K9")
NORTH, SOUTH, WEST = "SE5555555555-1101", "SE5555555555-1102", "SE5555555555-1103"
FOREIGN_CLINIC = "SE5566778899-2101"
CLINICS = (NORTH, SOUTH, WEST)
NAMES = {NORTH: "Norra", SOUTH: "Södra", WEST: "Västra"}
POSITIONS = {NORTH: (59.40, 18.05), SOUTH: (59.27, 18.09), WEST: (59.35, 17.80)}
DUE = date(2027, 8, 1)
"""22+0 is 28 March 2027, the day on which summer time begins."""
WEEK = "2027-W30"
CLOSES = date(2027, 3, 28)


@dataclass
class Maternity:
    """The region, asked over HTTP."""

    api: Api
    services: Services

    async def pregnancy(self, person_id: str = ANNA, due: date = DUE) -> str:
        """Registered by the midwife; its id."""
        body = {"patient_person_id": person_id, "due_date": due.isoformat()}
        return str((await self.api.made("/pregnancies", MIDWIFE, body))["pregnancy_id"])

    async def wish(self, pregnancy_id: str, *choices: str, person_id: str = ANNA) -> Any:
        """By the patient."""
        return await self.api.ask(
            "PUT", f"/pregnancies/{pregnancy_id}/wish", patient(person_id), {"choices": list(choices)}
        )

    async def places(self, clinic: str, number: int, week: str = WEEK) -> None:
        """Capacity."""
        answer = await self.api.ask("PUT", f"/units/{clinic}/maternity-weeks/{week}", REGION, {"places": number})
        assert answer.status_code == 200, answer.text

    async def sweep(self) -> int:
        """As the companion does by itself."""
        async with self.services.database.transaction(self.services.clock()) as transaction:
            return await sweep_maternity(transaction, self.services.settings)

    async def read(self, pregnancy_id: str, who: Any = MIDWIFE, **headers: str) -> Any:
        """What somebody sees of it."""
        answer = await self.api.get(f"/pregnancies/{pregnancy_id}", who, **headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def placed(self) -> dict[str, tuple[str, str | None]]:
        """State and clinic by pregnancy."""
        async with self.services.database.reading(self.services.clock()) as transaction:
            rows = (await transaction.session.scalars(select(Pregnancy))).all()
            return {row.pregnancy_id: (row.state, row.clinic_hsa_id) for row in rows}

    async def told(self) -> list[str]:
        """What is or was to be told, in order."""
        async with self.services.database.reading(self.services.clock()) as transaction:
            rows = (await transaction.session.scalars(select(OutboxRow).order_by(OutboxRow.id))).all()
            return [row.kind for row in rows if row.kind.startswith("maternity.")]

    def until_closed(self) -> None:
        """The clock to the morning of 22+0."""
        self.api.clock.now += timedelta(days=(CLOSES - self.api.clock.now.date()).days)


async def build_region(api: Api, services: Services, *, women: int = 0) -> Maternity:
    """The region; ``women`` more people beside Anna, Bo and the child."""
    await found(services)
    async with services.database.transaction(services.clock()) as transaction:
        session = transaction.session
        for clinic, name in (*NAMES.items(), (FOREIGN_CLINIC, "Andra")):
            provider = OTHER_PROVIDER if clinic == FOREIGN_CLINIC else PROVIDER
            unit = Unit(
                hsa_id=clinic, provider_hsa_id=provider, name=name, kind="maternity", information="", is_active=True
            )
            session.add(unit)
        session.add_all(person(woman(number), None, number=f"{number:012}") for number in range(women))
    region = Maternity(api, services)
    for clinic, (latitude, longitude) in POSITIONS.items():
        where = {"latitude": latitude, "longitude": longitude}
        assert (await api.ask("PUT", f"/units/{clinic}/position", REGION, where)).status_code == 204
    return region


def woman(number: int) -> str:
    """The id of one of them."""
    return "p-" + ("w" + "abcdefghijklmnopqrstuvwxyz"[number]).rjust(26, "a")


async def lives_north(api: Api) -> None:
    """The area of everybody in the tests lies beside the northern clinic."""
    where = {"latitude": 59.41, "longitude": 18.04}
    assert (await api.ask("PUT", "/maternity/areas/0180/position", REGION, where)).status_code == 204
