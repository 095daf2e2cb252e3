"""The application: routes, errors, and what runs beside them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from companion import custody_asking, sweeper
from companion.custody_register import CustodyRegister
from companion.each_request import EachRequest, answer_of
from companion.errors import (
    BUSY,
    FORBIDDEN,
    INTERNAL,
    INVALID_REQUEST,
    MALFORMED,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    TOO_LARGE,
    Problem,
    ProblemKind,
)
from companion.front_source import FrontSource
from companion.identity import RefusedError
from companion.metrics import Metrics, Sampler
from companion.openapi import Companion
from companion.outbox import Dispatcher, Receiver
from companion.routes import ROUTERS, methods_at
from companion.routes.slots import SEARCH_PATH
from companion.search_cache import KeptAnswers, SearchCache
from companion.services import Services
from sfu.logs import place_of

_BY_STATUS: Final[dict[int, ProblemKind]] = {
    400: MALFORMED,
    403: FORBIDDEN,
    404: NOT_FOUND,
    405: METHOD_NOT_ALLOWED,
    413: TOO_LARGE,
}

_log = structlog.get_logger(__name__)


def create_app(
    services: Services,
    receiver: Receiver | None = None,
    custody: CustodyRegister | None = None,
    metrics: Metrics | None = None,
    front: FrontSource | None = None,
) -> Companion:
    """The application. Without a receiver the outbox is kept; without a register of custody nobody asks one; without
    metrics nothing is looked up for them.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        database, clock = services.database, services.clock
        sweeps = sweeper.run(database, clock, services.settings, services.audit_keys, metrics, front)
        tasks = [asyncio.create_task(sweeps)]
        if metrics is not None:
            tasks.append(asyncio.create_task(Sampler(metrics, database, services.audit_keys, clock).run()))
        if receiver is not None:
            dispatcher = Dispatcher(database, receiver, clock)
            tasks.append(asyncio.create_task(dispatcher.run()))
        if custody is not None:
            tasks.append(asyncio.create_task(custody_asking.run(services, custody)))
        yield
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await services.database.close()

    app = Companion(
        title="Alltid öppet: companion",
        summary="Bookings and records of digital care meetings.",
        version="1",
        docs_url="/docs",
        redoc_url=None,
        openapi_url="/openapi.json",
        lifespan=lifespan,
    )
    app.state.services = services
    app.state.search_cache = SearchCache(services.settings.search_cache_s, services.database.slot_news)
    for router in ROUTERS:
        app.include_router(router)
    app.add_middleware(KeptAnswers, path=SEARCH_PATH)
    app.add_middleware(EachRequest)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(DBAPIError, _on_database_error)
    app.add_exception_handler(PoolTimeoutError, _on_database_error)
    return app


async def _on_problem(request: Request, error: Exception) -> Response:
    """A refusal is written into the audit log first; when that cannot be done, the answer is 503."""
    assert isinstance(error, Problem)
    if isinstance(error, RefusedError) and error.entry is not None:
        services: Services = request.app.state.services
        async with services.database.transaction(services.clock()) as transaction:
            transaction.audit.append(error.entry)
    return answer_of(request, error)


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors: Sequence[Any] = error.errors()
    first = errors[0] if errors else {"loc": (), "type": "unknown"}
    if first["type"] == "json_invalid":
        return answer_of(request, Problem(MALFORMED))
    place = [str(part) for part in first["loc"] if part not in ("body", "query", "path", "header")]
    return answer_of(request, Problem(INVALID_REQUEST, ".".join(place) or None, str(first["type"])))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = answer_of(request, Problem(_BY_STATUS.get(error.status_code, INTERNAL)))
    answer.headers.update(error.headers or {})
    if error.status_code == 405:
        answer.headers["Allow"] = ", ".join(sorted(methods_at(request.url.path)))
    return answer


async def _on_database_error(request: Request, error: Exception) -> Response:
    """A deadlock, a lost connection, a full pool: nothing was done, and it may be tried again."""
    _log.error("database_failed", error=place_of(error))
    answer = answer_of(request, Problem(BUSY))
    answer.headers["Retry-After"] = "1"
    return answer
