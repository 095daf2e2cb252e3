"""The whole chat bench, as short as it can be: two fronts, whose readers get every message of each other's."""

import asyncio
import sys


async def test_two_fronts_are_measured_beside_the_bare_store() -> None:
    command = [sys.executable, "-m", "loadtest.chat_bench", "--cells", "6", "--seconds", "0.15"]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(120):
        output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    lines = output.decode().splitlines()
    for who in ("bare XADD", "bare delivering", "plain sockets", "chat"):
        row = next(line[20:] for line in lines if line[21:].startswith(who))
        sent, delivered = row[len(who) + 1 :].split()[:2]
        assert int(sent) > 0
        if who != "bare XADD":
            assert abs(int(delivered) - 2 * int(sent)) <= 1
    assert any(line.startswith("two fronts: 2 fronts ") for line in lines)
