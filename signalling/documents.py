"""Documents and types that are generated from the code, so that they cannot drift from it.

``python -m signalling.documents`` writes them, ``--check`` only tells which ones are out of date (a test does
the same): docs/protocol.md, docs/chat-protocol.md, docs/http.md, docs/settings.md, docs/metrics.md,
docs/permissions.md and the client's web/client/src/protocol.ts and chat_protocol.ts.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import CollectorRegistry

from auth.development.settings import TestBenchSettings
from rtc.dtls_certificate import DtlsCertificate
from sfu.engine import Engine
from sfu.metrics import worker_registry
from sfu.settings import WorkerSettings
from sfu.transport import Local
from sfu.walk import Walk
from signalling import http_reference, reference
from signalling.audit_forwarder import ForwarderMetrics
from signalling.chat_metrics import ChatMetrics
from signalling.chat_reference import chat_document, chat_typescript
from signalling.chat_settings import ChatSettings
from signalling.companion_events import CompanionEventMetrics
from signalling.companion_metrics import CompanionMetrics
from signalling.garbage import GarbageMetrics
from signalling.metrics import FrontMetrics
from signalling.permission_reference import permissions_document
from signalling.settings import FrontSettings, ServeSettings
from signalling.typescript import typescript
from signalling.visit_quality import VisitQualityMetrics


def settings_document() -> str:
    """The settings of all programs."""
    return reference.settings_document(
        [
            ("Everything on one machine (`alltid-oppet serve`)", ServeSettings),
            ("Front (`python -m signalling.front`)", FrontSettings),
            ("Messages at the front", ChatSettings),
            ("Media worker (`python -m sfu.worker`)", WorkerSettings),
            (
                "Test bench (`python -m auth.development.provider`, `...record_system`)",
                TestBenchSettings,
            ),
        ]
    )


def metrics_document() -> str:
    """The metrics of all programs."""
    front = FrontMetrics().registry
    GarbageMetrics(front)
    ChatMetrics(front)
    CompanionMetrics(front)
    CompanionEventMetrics(front)
    ForwarderMetrics(front)
    VisitQualityMetrics(front)
    return reference.metrics_document([("Front", front), ("Media worker", _worker_registry())])


def _worker_registry() -> CollectorRegistry:
    """The metrics of a worker without a socket."""
    local = Local(Walk(), DtlsCertificate.generate(datetime.now(UTC)), (), os.urandom)
    return worker_registry(Engine(local, lost_after_ms=0))


GENERATED: Mapping[str, Callable[[], str]] = {
    "docs/chat-protocol.md": chat_document,
    "docs/http.md": http_reference.http_document,
    "docs/metrics.md": metrics_document,
    "docs/permissions.md": permissions_document,
    "docs/protocol.md": reference.protocol_document,
    "docs/settings.md": settings_document,
    "web/client/src/chat_protocol.ts": chat_typescript,
    "web/client/src/protocol.ts": typescript,
}
"""Path inside the repository -> what makes its text."""

_ROOT = Path(__file__).resolve().parent.parent


def outdated(root: Path = _ROOT) -> list[str]:
    """The generated files whose text is not what the code says now."""
    wrong = []
    for name, generate in GENERATED.items():
        path = root / name
        if not path.is_file() or path.read_text(encoding="utf-8") != generate():
            wrong.append(name)
    return wrong


def write(root: Path = _ROOT) -> list[str]:
    """Write every file that is out of date; returns their names."""
    wrong = outdated(root)
    for name in wrong:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(GENERATED[name](), encoding="utf-8")
    return wrong


def main(arguments: list[str] | None = None) -> int:
    """The command line; 1 when ``--check`` found drift."""
    parser = argparse.ArgumentParser(prog="python -m signalling.documents", description="Write generated documents.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is out of date")
    options = parser.parse_args(arguments)
    names = outdated() if options.check else write()
    for name in names:
        sys.stdout.write(f"{'out of date' if options.check else 'written'}: {name}\n")
    return 1 if options.check and names else 0


if __name__ == "__main__":
    sys.exit(main())
