"""The least that a request can cost: aiohttp and one JSON answer. ``python -m loadtest.barehttp BYTES``.

It prints its port, and serves until its standard input closes. The answer has about the given length.
"""

import asyncio
import sys

import uvloop
from aiohttp import web


async def _serve(length: int) -> None:
    body = {"answer": "x" * max(length - 14, 0)}

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(body)

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
