"""Units over HTTP: opening hours, promised answer time and emergency text, as on a board before the send button."""

import time
from collections.abc import Callable
from datetime import date
from typing import Final

from aiohttp import web

from auth.permissions import Action, Resource
from chat.case_service import CaseService
from chat.opening_hours import Interval, OpeningHours, OpeningHoursError
from chat.unit_settings import (
    EMERGENCY,
    UnitSettings,
    UnitSettingsError,
    UnitStore,
    board,
    format_intervals,
    parse_intervals,
)
from signalling.case_views import (
    Colleague,
    ColleagueList,
    OpenPeriod,
    PutUnit,
    SpecialDay,
    UnitHours,
    UnitList,
    UnitView,
)
from signalling.guard import MINE, Public, guarded, principal_of
from signalling.http_api import read_body
from signalling.http_errors import HttpError
from signalling.routes import Route

DOOR: Final = Public("What stands on the unit's door and web page.")

ROUTES: Final = (
    Route("GET", "/api/units", DOOR, UnitList.__doc__ or "", reply=UnitList),
    Route("GET", "/api/units/{provider_hsa_id}/{unit_hsa_id}", DOOR, UnitView.__doc__ or "", reply=UnitView,
          statuses=(200, 404)),
    Route("PUT", "/api/units/{provider_hsa_id}/{unit_hsa_id}", Action.UNIT_ADMIN, PutUnit.__doc__ or "",
          PutUnit, UnitView, (200, 400)),
    Route("GET", "/api/units/{provider_hsa_id}/{unit_hsa_id}/settings", Action.UNIT_ADMIN,
          "A unit's settings, as they are written.", reply=PutUnit, statuses=(200, 404)),
    Route("GET", "/api/colleagues", Action.CASE_ASSIGN, ColleagueList.__doc__ or "", reply=ColleagueList),
)  # fmt: skip


class UnitApi:
    """The handlers."""

    def __init__(self, units: UnitStore, service: CaseService, *, clock: Callable[[], float] = time.time) -> None:
        self._units = units
        self._service = service
        self._clock = clock

    def add_routes(self, app: web.Application) -> None:
        """All of this page."""
        app.router.add_get("/api/units", self.all)
        app.router.add_get("/api/units/{provider_hsa_id}/{unit_hsa_id}", self.read)
        app.router.add_put("/api/units/{provider_hsa_id}/{unit_hsa_id}", self.write)
        app.router.add_get("/api/units/{provider_hsa_id}/{unit_hsa_id}/settings", self.settings)
        app.router.add_get("/api/colleagues", self.colleagues)

    async def _unit(self, request: web.Request) -> Resource:
        match = request.match_info
        return Resource(provider_hsa_id=match["provider_hsa_id"], unit_hsa_id=match["unit_hsa_id"])

    @guarded(DOOR)
    async def all(self, _request: web.Request) -> web.Response:
        """GET /api/units."""
        units = [self._view(unit) for unit in await self._units.all()]
        return web.json_response(UnitList(units=units).model_dump())

    @guarded(DOOR)
    async def read(self, request: web.Request) -> web.Response:
        """GET /api/units/{provider_hsa_id}/{unit_hsa_id}."""
        return web.json_response(self._view(await self._known(request)).model_dump())

    @guarded(Action.UNIT_ADMIN, resource=_unit)
    async def settings(self, request: web.Request) -> web.Response:
        """GET /api/units/{provider_hsa_id}/{unit_hsa_id}/settings: also what is no part of the board."""
        unit = await self._known(request)
        board = self._view(unit).model_dump(include=set(PutUnit.model_fields))
        return web.json_response(PutUnit(**board, notice_name=unit.notice_name).model_dump())

    async def _known(self, request: web.Request) -> UnitSettings:
        match = request.match_info
        try:
            unit = await self._units.get(match["provider_hsa_id"], match["unit_hsa_id"])
        except UnitSettingsError:
            unit = None
        if unit is None:
            raise HttpError("not_found")
        return unit

    @guarded(Action.UNIT_ADMIN, resource=_unit)
    async def write(self, request: web.Request) -> web.Response:
        """PUT /api/units/{provider_hsa_id}/{unit_hsa_id}: the admin's own unit, or any of the care provider."""
        body = await read_body(request, PutUnit)
        match = request.match_info
        given = {"sv": body.emergency_sv, "en": body.emergency_en}
        try:
            unit = UnitSettings(
                provider_hsa_id=match["provider_hsa_id"],
                unit_hsa_id=match["unit_hsa_id"],
                name=body.name,
                hours=_hours(body.hours),
                promised_answer_open_s=body.promised_answer_open_s,
                takes_cases=body.takes_cases,
                notice_name=body.notice_name,
                phone=body.phone,
                emergency={language: text or EMERGENCY[language] for language, text in given.items()},
            )
            await self._units.put(unit)
        except OpeningHoursError:
            raise HttpError("invalid_request", "hours") from None
        except UnitSettingsError as error:
            field = "emergency_sv" if error.field == "emergency" else error.field
            raise HttpError("invalid_request", field) from None
        return web.json_response(self._view(unit).model_dump())

    @guarded(Action.CASE_ASSIGN, resource=MINE)
    async def colleagues(self, request: web.Request) -> web.Response:
        """GET /api/colleagues: those who have opened the list of cases of one's unit."""
        principal = principal_of(request)
        found = await self._service.colleagues(principal.provider_hsa_id or "", principal.unit_hsa_id or "")
        views = [
            Colleague(hsa_id=hsa_id, name=name) for hsa_id, name in sorted(found.items(), key=lambda item: item[1])
        ]
        return web.json_response(ColleagueList(colleagues=views).model_dump())

    def _view(self, unit: UnitSettings) -> UnitView:
        now = board(unit, self._clock())
        hours = unit.hours
        return UnitView(
            provider_hsa_id=unit.provider_hsa_id,
            unit_hsa_id=unit.unit_hsa_id,
            name=unit.name,
            takes_cases=unit.takes_cases,
            phone=unit.phone,
            is_open=now.is_open,
            opens_at=now.opens_at_s,
            answer_by=now.answer_by_s,
            promised_answer_open_s=unit.promised_answer_open_s,
            hours=UnitHours(
                weekly=[_periods(day) for day in hours.weekly],
                special=[
                    SpecialDay(day=day.isoformat(), hours=_periods(times))
                    for day, times in sorted(hours.special.items())
                ],
                is_closed_on_holidays=hours.is_closed_on_holidays,
                is_closed_on_eves=hours.is_closed_on_eves,
            ),
            emergency_sv=unit.emergency["sv"],
            emergency_en=unit.emergency["en"],
        )


def _periods(intervals: tuple[Interval, ...]) -> list[OpenPeriod]:
    return [OpenPeriod(opens=opens, closes=closes) for opens, closes in format_intervals(intervals)]


def _intervals(periods: list[OpenPeriod]) -> tuple[Interval, ...]:
    return parse_intervals(tuple((period.opens, period.closes) for period in periods))


def _hours(given: UnitHours) -> OpeningHours:
    """The hours that somebody wrote; ``OpeningHoursError`` when they cannot be."""
    try:
        special = {date.fromisoformat(special.day): _intervals(special.hours) for special in given.special}
    except ValueError:
        raise OpeningHoursError("special") from None
    weekly = tuple(_intervals(day) for day in given.weekly)
    return OpeningHours(weekly, special, given.is_closed_on_holidays, given.is_closed_on_eves)
