"""What both processes of the test bench have in common: they refuse production, listen, and end on a signal."""

import asyncio
import signal
import sys
from collections.abc import Callable
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from auth.development.mode import NotDevelopmentError, require_development
from auth.development.settings import TestBenchSettings

_log = structlog.get_logger(__name__)

EXIT_REFUSED = 2
"""Exit code of a process that was started outside development mode."""


async def listen(app: web.Application, url: str, *, host: str = "127.0.0.1") -> tuple[web.AppRunner, int]:
    """Serve on the port of ``url``, for this machine only; the runner and the port in use."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    port = urlsplit(url).port
    try:
        await web.TCPSite(runner, host, 80 if port is None else port).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner, int(runner.addresses[0][1])


def main(process: str, make_app: Callable[[TestBenchSettings], web.Application], url_of: str) -> int:
    """Run until SIGTERM or SIGINT. ``url_of``: the setting with the process's own address."""
    settings = TestBenchSettings()
    _configure_log(settings.log_format)
    try:
        require_development(settings.mode, process)
    except NotDevelopmentError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_REFUSED
    asyncio.run(_run(process, make_app(settings), getattr(settings, url_of)))
    return 0


async def _run(process: str, app: web.Application, url: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    runner, port = await listen(app, url)
    _log.info("test_bench_ready", process=process, port=port)
    await stop.wait()
    await runner.cleanup()


def _configure_log(log_format: str) -> None:
    renderer = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if log_format == "text"
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
