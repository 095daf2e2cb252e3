"""What a front counts, for Prometheus. No label carries a person, a room or an address. docs/metrics.md shows all."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from signalling.protocol import ERROR_CODES

_RESULTS: Final = frozenset({"ok", "cancelled", *ERROR_CODES})


class FrontMetrics:
    """The metrics of one front, in a registry of its own so that tests can make many."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.sockets = Gauge("ao_front_sockets", "Sockets that are open now.", registry=self.registry)
        self.participants = Gauge("ao_front_participants", "Sockets that are in a room now.", registry=self.registry)
        self.waiting = Gauge(
            "ao_front_waiting", "Sockets that wait to be admitted to a room now.", registry=self.registry
        )
        self.rooms = Gauge("ao_front_rooms", "Rooms with at least one socket at this front.", registry=self.registry)
        self.workers_alive = Gauge(
            "ao_front_workers_alive", "Media workers that this front sees.", registry=self.registry
        )
        self.cases_erased = Counter(
            "ao_front_cases_erased",
            "Closed cases that nobody may reopen, by result: erased (the archive has all of it), or waiting (it could "
            "not be asked, or lacks something).",
            ["result"],
            registry=self.registry,
        )
        self.joins = Counter(
            "ao_front_joins", "Joins by result: ok or the error's code.", ["result"], registry=self.registry
        )
        self.resumes = Counter(
            "ao_front_resumes", "Resumes by result: ok or the error's code.", ["result"], registry=self.registry
        )
        self.errors = Counter(
            "ao_front_errors",
            "Client events that were refused, by event and code.",
            ["event", "code"],
            registry=self.registry,
        )
        self.events_received = Counter(
            "ao_front_events_received",
            "Client events by name ('unknown' for all others).",
            ["event"],
            registry=self.registry,
        )
        self.events_sent = Counter(
            "ao_front_events_sent", "Server events by name, one for each socket.", ["event"], registry=self.registry
        )
        self.sockets_closed = Counter(
            "ao_front_sockets_closed",
            "Sockets that this front closed, by cause: join_timeout, oversize, malformed, flood, slow_reader, "
            "too_many, too_many_of_address, ended, silent (no answer to a ping).",
            ["cause"],
            registry=self.registry,
        )
        self.http_requests = Counter(
            "ao_front_http_requests", "HTTP requests by route and status.", ["route", "status"], registry=self.registry
        )
        self.http_refusals = Counter(
            "ao_front_http_refusals",
            "HTTP requests that the guard refused, by cause: not_logged_in, session_ended, csrf, other_site, role, "
            "relation, acr, proxy_scope, service_scope, not_found, or the code of the refusal.",
            ["cause"],
            registry=self.registry,
        )
        self.notices = Counter(
            "ao_front_notices",
            "Attempts to send a notice that ended, by channel and state: sent, bounced, failed, queued (tried again "
            "later); and reports of gateways: delivered, bounced, failed.",
            ["channel", "state"],
            registry=self.registry,
        )
        self.cases_stuck = Counter(
            "ao_front_cases_stuck",
            "Times that a case could not be followed, by cause: archive (it did not take what was closed), other. "
            "It is tried again after a pause that doubles, up to an hour.",
            ["cause"],
            registry=self.registry,
        )
        self.cases_stuck_oldest = Gauge(
            "ao_front_cases_stuck_oldest_seconds",
            "For how long the first of the cases that could not be followed has waited; 0: there is none.",
            registry=self.registry,
        )
        self.logins = Counter(
            "ao_front_logins",
            "Logins by audience and result: ok, or the code shown on the page (login_invalid, login_expired...).",
            ["audience", "result"],
            registry=self.registry,
        )
        self.login_refusals = Counter(
            "ao_front_login_refusals",
            "Logins that led nowhere and logout tokens that were refused, by cause: the claim or check that failed.",
            ["cause"],
            registry=self.registry,
        )
        self.audit_entries = Counter(
            "ao_front_audit_entries",
            "Audit entries by result: recorded, relinked (another front was first, linked anew), unavailable (refused "
            "with what they are about), rolled_back (gone from the store: look at once), head_forged (likewise).",
            ["result"],
            registry=self.registry,
        )
        self.sessions_ended = Counter(
            "ao_front_sessions_ended",
            "Sessions that ended, by reason: logout, replaced, idle, absolute, backchannel, ended_elsewhere, "
            "proxy_ended, role_taken.",
            ["reason"],
            registry=self.registry,
        )
        self.portal_links = Counter(
            "ao_front_portal_links",
            "Requests of record systems for portal links, by result: ok, or the claim or check that failed.",
            ["result"],
            registry=self.registry,
        )
        self.portal_entries = Counter(
            "ao_front_portal_entries",
            "Ways in from record systems by door (portal_link, smart_launch) and result: ok, or the refusal shown.",
            ["door", "result"],
            registry=self.registry,
        )
        self.workers_lost = Counter(
            "ao_front_workers_lost", "Media workers whose heartbeat ended or that restarted.", registry=self.registry
        )
        self.rpc_seconds = Histogram(
            "ao_front_rpc_seconds",
            "Time that calls to media workers took, in seconds, by method and result (ok or the error's code).",
            ["method", "result"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
            registry=self.registry,
        )

    def observe_rpc(self, method: str, seconds: float, result: str) -> None:
        """One call to a media worker. Codes of ours only: a label's values must be few."""
        known = result if result in _RESULTS else "internal"
        self.rpc_seconds.labels(method, known).observe(seconds)
