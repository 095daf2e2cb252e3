"""``python -m companion``: the companion as a process of its own; ``python -m companion provider`` makes care providers
(``companion/provider_command.py``).
"""

import asyncio
import sys
from datetime import UTC, datetime

import httpx2
import uvicorn
from prometheus_client import start_http_server

from auth.audit import AuditKeys
from auth.pseudonyms import Pseudonyms
from auth.tokens import TokenKeys
from companion import provider_command
from companion.app import create_app
from companion.custody_register import TIMEOUT_S, HttpCustodyRegister
from companion.database import Database
from companion.front_source import HttpFrontSource
from companion.metrics import Metrics
from companion.migrate import migrate
from companion.outbox import HttpReceiver
from companion.rules.retention import configured_times
from companion.services import Services
from companion.settings import CompanionSettings, secret_text
from sfu.logs import configure

_DELIVERY_TIMEOUT_S = 5.0


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def services_of(settings: CompanionSettings) -> Services:
    """What the settings say; ``ValueError`` for keys that are missing or cannot be used."""
    configured_times(settings.retention)
    audit_keys = AuditKeys.parse(secret_text(settings.audit_key, settings.audit_key_file, "audit_key"))
    pseudonyms = secret_text(settings.pseudonym_key, settings.pseudonym_key_file, "pseudonym_key")
    return Services(
        settings=settings,
        database=Database(settings.companion_database_url, audit_keys, pool_size=settings.companion_pool_size),
        token_keys=TokenKeys.parse(secret_text(settings.token_keys, settings.token_keys_file, "token_keys")),
        audit_keys=audit_keys,
        pseudonyms=Pseudonyms.parse(pseudonyms),
        clock=now,
    )


async def _fill(settings: CompanionSettings) -> None:
    """Invented data, with a database of its own loop: the service opens another."""
    from companion.demo.fill import fill  # nothing of the test bench is loaded in production

    services = services_of(settings)
    try:
        await fill(services)
    finally:
        await services.database.close()


def _custody_register(settings: CompanionSettings) -> HttpCustodyRegister | None:
    if not settings.custody_register_url:
        return None
    token = settings.custody_register_token
    http = httpx2.AsyncClient(timeout=TIMEOUT_S)
    return HttpCustodyRegister(settings.custody_register_url, token.get_secret_value() if token else "", http)


def main() -> int:
    """Serve until SIGTERM or SIGINT, or do what the command line says."""
    if sys.argv[1:2] == ["provider"]:
        return provider_command.main(sys.argv[2:])
    settings = CompanionSettings()
    configure(settings.log_level, settings.log_format, "companion")
    try:
        services = services_of(settings)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if settings.companion_migrate:
        migrate(settings.companion_database_url)
    if settings.companion_demo:
        asyncio.run(_fill(settings))
    metrics = None
    if settings.companion_metrics_port >= 0:
        metrics = Metrics()
        start_http_server(settings.companion_metrics_port, settings.companion_metrics_host, metrics.registry)
    receiver, front = None, None
    if settings.companion_events_url:
        http = httpx2.AsyncClient(timeout=_DELIVERY_TIMEOUT_S)
        receiver = HttpReceiver(settings.companion_events_url, services.token_keys, http, now)
        front = HttpFrontSource(settings.companion_events_url, services.token_keys, http, now)
    uvicorn.run(
        create_app(services, receiver, _custody_register(settings), metrics, front),
        host=settings.companion_host,
        port=settings.companion_port,
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        loop="uvloop",
        http="httptools",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
