"""``python -m loadtest``: rooms full of participants against a running service, and a report."""

import argparse
import os
from pathlib import Path

import uvloop

from loadtest.rooms import service_token
from loadtest.run import Plan, run


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m loadtest", description=__doc__)
    parser.add_argument("--url", required=True, help="the front, such as https://meet.example or http://127.0.0.1:8080")
    parser.add_argument("--rooms", type=int, default=1)
    parser.add_argument("--publishers", type=int, default=2, help="per room; they receive as well")
    parser.add_argument("--subscribers", type=int, default=8, help="per room; they only receive")
    parser.add_argument("--slots", type=int, default=8, help="receive slots (audio and video) per participant")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--burst", action="store_true", help="send a frame in one burst, not paced as browsers do")
    parser.add_argument("--bitrate", type=int, default=1_000_000, help="of each publisher's video, in bit/s")
    parser.add_argument("--worker-pid", type=int, default=0, help="of the media worker, where it runs on this machine")
    parser.add_argument("--cpu", type=int, help="core to run on")
    parser.add_argument("--insecure", action="store_true", help="accept a self-signed certificate")
    parser.add_argument(
        "--service-token",
        default=os.environ.get("ALLTID_SERVICE_TOKEN", ""),
        help="may create rooms; default $ALLTID_SERVICE_TOKEN, else signed with $ALLTID_TOKEN_KEYS",
    )
    parser.add_argument("--html", type=Path, help="write the report with pictures to this file")
    options = parser.parse_args()
    token = options.service_token
    if not token:
        keys = os.environ.get("ALLTID_TOKEN_KEYS")
        if not keys:
            parser.error("a service token is needed: --service-token, ALLTID_SERVICE_TOKEN or ALLTID_TOKEN_KEYS")
        token = service_token(keys)
    plan = Plan(
        url=options.url,
        token=token,
        rooms=options.rooms,
        publishers=options.publishers,
        subscribers=options.subscribers,
        slots=options.slots,
        seconds=options.seconds,
        paced=not options.burst,
        bitrate_bps=options.bitrate,
        worker_pid=options.worker_pid or None,
        cpu=options.cpu,
        verify_certificate=not options.insecure,
        html=options.html,
    )
    raise SystemExit(0 if uvloop.run(run(plan)) else 1)


if __name__ == "__main__":
    main()
