"""The front's part that knows people: providers, sessions, proxies, the audit log, and the guard over all of it."""

from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web
from redis.asyncio import Redis

from auth.audit import AuditEntry
from auth.audit_store import AuditEvent, AuditLog, AuditUnavailableError
from auth.login import Audience, Logins
from auth.oidc import OidcClient
from auth.proxies import RedisProxyDirectory
from auth.pseudonyms import PseudonymKeyError, Pseudonyms
from auth.session_store import SessionStore
from auth.sessions import EndReason, Limits
from auth.tokens import TokenKeys
from signalling.grant_api import GrantApi
from signalling.guard import GUARD, Guard
from signalling.keys import load_audit_keys, load_pseudonyms
from signalling.login_api import LoginApi
from signalling.login_settings import patient_provider, staff_provider
from signalling.metrics import FrontMetrics
from signalling.proxy_api import ProxyApi
from signalling.security_headers import STRICT_TRANSPORT
from signalling.session_api import SessionApi
from signalling.session_start import SessionStart
from signalling.settings import FrontSettings

_log = structlog.get_logger(__name__)


class Identity:
    """Everything about who asks. ``revoke`` takes a grant's holder out of running meetings."""

    def __init__(
        self,
        settings: FrontSettings,
        keys: TokenKeys,
        redis: "Redis",
        revoke: Callable[[str, str], Awaitable[None]],
        metrics: FrontMetrics,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._revoke = revoke
        self._is_https_only = settings.public_url.startswith("https://")
        self._metrics = metrics
        audit_keys = load_audit_keys(settings)
        if audit_keys is None:
            _log.warning("audit_key_missing")
        self.audit = AuditLog(redis, audit_keys, observe=self._audited, clock=clock) if audit_keys is not None else None
        self.proxies = RedisProxyDirectory(redis)
        self.sessions = SessionStore(redis, Limits(settings.session_idle_s, settings.session_absolute_s), self._ended)
        self.logins = Logins(redis, *_clients(settings))
        self.start = SessionStart(self.sessions, self.record, clock=clock, proxy_hops=settings.proxy_hops)
        self.guard = Guard(
            keys,
            self.sessions,
            self.proxies,
            self.record,
            metrics,
            clock=clock,
            public_origin=settings.public_url,
            proxy_hops=settings.proxy_hops,
        )
        self._apis = (
            LoginApi(settings, self.logins, self.sessions, self.start, metrics, clock=clock),
            SessionApi(settings, self.sessions, self.logins, self.proxies, clock=clock),
            ProxyApi(self.proxies, self.sessions, clock=clock),
            GrantApi(self.sessions),
        )

    def attach(self, app: web.Application) -> None:
        """Put the guard and the routes into the application."""
        app[GUARD] = self.guard
        app[STRICT_TRANSPORT] = self._is_https_only
        for api in self._apis:
            api.add_routes(app)

    async def close(self) -> None:
        """Write what the audit log still has; close the connections to the providers."""
        if self.audit is not None:
            await self.audit.close()
        await self.logins.close()

    async def record(self, entry: AuditEntry) -> None:
        """Write one entry of the audit log; ``AuditUnavailableError`` when it cannot be kept."""
        if self.audit is None:
            self._audited("unavailable", 1)
            raise AuditUnavailableError("closed")
        await self.audit.record(entry)

    def _audited(self, result: AuditEvent, count: int) -> None:
        self._metrics.audit_entries.labels(result).inc(count)

    async def keep_alive(self, grant_id: str, now: float) -> bool:
        """Note that a session is in use in a meeting; False when it has ended, or the right to act for somebody has.

        Meetings ask with each renewal of a token, so a guardian is out of the meeting minutes after the birthday.
        """
        if not await self.sessions.touch_grant(grant_id, now):
            return False
        session = await self.sessions.of_grant(grant_id)
        if session is None or session.acting_for is None:
            return session is not None
        if await self.proxies.relation(session.actor, session.acting_for.subject, now) is not None:
            return True
        await self.sessions.end_grant(grant_id, "proxy_ended")
        return False

    async def _ended(self, grant_id: str, reason: EndReason) -> None:
        self._metrics.sessions_ended.labels(reason).inc()
        await self._revoke(grant_id, reason)


def _clients(settings: FrontSettings) -> tuple[dict[Audience, OidcClient], Pseudonyms | None, list[str]]:
    """The providers that can be used. Patients need the key of their person ids."""
    clients: dict[Audience, OidcClient] = {}
    staff, patient = staff_provider(settings), patient_provider(settings)
    if staff is not None:
        clients["staff"] = OidcClient(staff, timeout_s=settings.login_timeout_s)
    pseudonyms = load_pseudonyms(settings)
    if patient is not None:
        if pseudonyms is None:
            raise PseudonymKeyError(
                "patients can log in, so ALLTID_PSEUDONYM_KEY or ALLTID_PSEUDONYM_KEY_FILE is needed"
            )
        clients["patient"] = OidcClient(patient, timeout_s=settings.login_timeout_s)
    return clients, pseudonyms, settings.patient_number_claims.split()
