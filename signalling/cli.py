"""The command line: ``alltid-oppet serve``, ``service-token``, ``provider``, ``audit verify`` and ``version``."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from auth.permissions import TABLE
from auth.tokens import TokenKeyError
from signalling import audit_command, logs, valkey
from signalling.front import load_keys
from signalling.http_api import SCOPE_ROOMS, package_version
from signalling.serve import DataDirectoryInUseError, locked_directory, run
from signalling.serve_companion import provider_command
from signalling.settings import FrontSettings, ServeSettings

SERVICE_SCOPES = sorted({rule.service_scope for rule in TABLE.values() if rule.service_scope is not None})
_OPTIONS = {
    "http_port": ("ALLTID_HTTP_PORT", "plain HTTP port for this machine (default 8080, 0: any)"),
    "https_port": ("ALLTID_HTTPS_PORT", "HTTPS port for the network (default 8443, 0: any)"),
    "workers": ("ALLTID_WORKERS", "media workers (default: one per core)"),
    "data_dir": ("ALLTID_DATA_DIR", "keys, certificate, data of the embedded Valkey (default ./var)"),
    "redis_url": ("ALLTID_REDIS_URL", "use this Redis or Valkey instead of the embedded one"),
    "mode": ("ALLTID_MODE", "development (default) has a test bench with invented persons; production has none"),
    "media_addresses": ("ALLTID_MEDIA_ADDRESSES", "addresses told to clients (default: this machine's own)"),
}
"""Options are shorthands for environment variables, so that the children see them too."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    parser = argparse.ArgumentParser(prog="alltid-oppet", description="Digital care meetings.")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="run everything on this machine")
    for name, (variable, text) in _OPTIONS.items():
        serve.add_argument(f"--{name.replace('_', '-')}", dest=name, help=f"{text} [{variable}]")
    serve.add_argument("--no-https", action="store_true", help="no HTTPS with a self-signed certificate")
    serve.add_argument("--no-demo", action="store_true", help="no demo room, no invented persons")
    token = commands.add_parser("service-token", help="print a token for a program that uses the API")
    token.add_argument("service", help="the program's name")
    token.add_argument(
        "--scope", action="append", choices=SERVICE_SCOPES, help=f"what it may; can be repeated (default {SCOPE_ROOMS})"
    )
    token.add_argument("--days", type=int, default=365, help="how long it is valid (default 365)")
    audit = commands.add_parser("audit", help="the audit log").add_subparsers(dest="audit_command", required=True)
    verify = audit.add_parser("verify", help="check that the audit log is whole")
    verify.add_argument(
        "--heads", type=Path, help="file of signed heads that the log must contain; a new one is added when it is whole"
    )
    verify.add_argument("--redis-url", help="Redis or Valkey [ALLTID_REDIS_URL; else the embedded one]")
    provider = commands.add_parser("provider", help="care providers of the companion on this machine")
    provider.add_argument("rest", nargs=argparse.REMAINDER, help="add HSA-ID NAME, or list")
    commands.add_parser("version", help="print the version")
    options = parser.parse_args(arguments)
    if options.command == "serve":
        return _serve(options)
    if options.command == "service-token":
        return _service_token(options.service, frozenset(options.scope or {SCOPE_ROOMS}), options.days)
    if options.command == "audit":
        return _audit_verify(options.redis_url, options.heads)
    if options.command == "provider":
        return provider_command(options.rest, os.environ, ServeSettings().data_dir.resolve())
    sys.stdout.write(f"{package_version()}\n")
    return 0


def _serve(options: argparse.Namespace) -> int:
    for name, (variable, _) in _OPTIONS.items():
        value = getattr(options, name)
        if value is not None:
            os.environ[variable] = value
    if options.no_https:
        os.environ["ALLTID_HTTPS"] = "false"
    if options.no_demo:
        os.environ["ALLTID_DEMO"] = "false"
    settings = ServeSettings()
    logs.configure("info", settings.log_format, "serve")
    try:
        with locked_directory(settings.data_dir.resolve()):
            return asyncio.run(run(settings))
    except DataDirectoryInUseError as error:
        sys.stderr.write(f"alltid-oppet: the data directory {error} is in use by another alltid-oppet\n")
    except TokenKeyError as error:
        sys.stderr.write(f"alltid-oppet: {error}\n")
    return 1


def _service_token(service: str, scopes: frozenset[str], days: int) -> int:
    """Sign with the keys of the environment, or of the data directory of ``serve``."""
    settings = FrontSettings()
    if settings.token_keys is None and settings.token_keys_file is None:
        settings = settings.model_copy(update={"token_keys_file": ServeSettings().data_dir / "token-keys"})
    try:
        keys = load_keys(settings)
    except TokenKeyError as error:
        sys.stderr.write(f"alltid-oppet: {error}\n")
        return 1
    sys.stdout.write(
        keys.sign_service(service=service, scopes=scopes, now=time.time(), lifetime_s=days * 86_400) + "\n"
    )
    return 0


def _audit_verify(redis_url: str | None, heads: Path | None) -> int:
    """With the settings of the environment, or the store and key in the data directory of ``serve``."""
    settings, data_dir = FrontSettings(), ServeSettings().data_dir
    changes: dict[str, object] = {}
    if redis_url is not None:
        changes["redis_url"] = redis_url
    elif "ALLTID_REDIS_URL" not in os.environ:
        changes["redis_url"] = valkey.url((data_dir / "valkey").resolve())
    if settings.audit_key is None and settings.audit_key_file is None:
        changes["audit_key_file"] = data_dir / "audit-key"
    code = audit_command.command(settings.model_copy(update=changes), heads)
    companion_code = audit_command.verify_companion(os.environ, data_dir.resolve(), heads)
    return max(code, companion_code)


if __name__ == "__main__":
    sys.exit(main())
