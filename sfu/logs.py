"""Logging with structlog. Log lines carry no personal data: no names, identities, tokens, offers or addresses.

The rule is kept by what is passed in; as a second line of defence every line passes a filter that knows which keys
may never appear and what identity numbers, telephone numbers, addresses and tokens look like, and exceptions are shown
as type and place, because their texts quote what was handled.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from sfu.personal_data import scrub_fields


def drop_personal_data(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: what ``sfu/personal_data.py`` lets pass."""
    return scrub_fields(event)


def place_of(error: BaseException) -> str:
    """Type of an exception, and file and line where it arose; never its text."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f" at {trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
    return f"{type(error).__name__}{where}"


def exceptions_as_places(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: ``exc_info`` becomes type and place."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = place_of(error)
    return event


class _ToStructlog(logging.Handler):
    """Sends records of the standard library's loggers (aiohttp, engineio, asyncio) the same way.

    Only the unformatted message is taken: its arguments may be what a client sent.
    """

    def emit(self, record: logging.LogRecord) -> None:
        exception = place_of(record.exc_info[1]) if record.exc_info and record.exc_info[1] else None
        extra = {"exception": exception} if exception else {}
        structlog.get_logger(record.name).log(record.levelno, (str(record.msg).splitlines() or [""])[0][:200], **extra)


def configure(level: str, log_format: str, process: str) -> None:
    """Set logging up for this process; ``process`` stands in every line."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if log_format == "text"
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            exceptions_as_places,
            drop_personal_data,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # stderr as it is then: tests exchange it
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(process=process)
    root = logging.getLogger()
    root.handlers = [_ToStructlog()]
    root.setLevel(max(number, logging.WARNING))
