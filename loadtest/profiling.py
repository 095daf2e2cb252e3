"""Where the server's time goes: ``perf record`` on the worker, samples grouped by what the stack is in."""

import asyncio
import shutil
import tempfile
from collections import Counter
from pathlib import Path

SAMPLES_PER_S = 2999
"""A prime, so that sampling does not fall in step with 30 or 50 Hz."""

_SYSTEM_CALLS = (
    ("sendmmsg", "kernel: send"),
    ("recvmmsg", "kernel: receive"),
    ("sendto", "kernel: send"),
    ("sendmsg", "kernel: send"),
    ("recvfrom", "kernel: receive"),
    ("recvmsg", "kernel: receive"),
    ("epoll_wait", "kernel: wait"),
)
_LIBRARIES = (
    ("_binding.abi3", "crypto"),
    ("libcrypto", "crypto"),
    ("walk.", "walk"),
    ("table.", "walk"),
    ("bareloop.", "walk"),
    ("libc.so", "copying (libc)"),
    ("uvloop", "event loop"),
    ("python", "python"),
    (".abi3.so", "python"),
)


def is_available() -> bool:
    """Whether ``perf`` is installed."""
    return shutil.which("perf") is not None


async def profile_process(pid: int, seconds: float) -> dict[str, float]:
    """Shares of the process's CPU time by group, largest first; empty when perf may not sample here."""
    with tempfile.TemporaryDirectory() as directory:
        data = str(Path(directory) / "perf.data")
        record = await asyncio.create_subprocess_exec(
            "perf",
            "record",
            "-q",
            "-g",
            "-F",
            str(SAMPLES_PER_S),
            "-o",
            data,
            "-p",
            str(pid),
            "--",
            "sleep",
            str(seconds),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        if await record.wait() != 0:
            return {}
        script = await asyncio.create_subprocess_exec(
            "perf",
            "script",
            "-i",
            data,
            "-F",
            "ip,sym,dso",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        output, _ = await script.communicate()
    groups = group_samples(output.decode(errors="replace"))
    total = sum(groups.values()) or 1
    return {name: count / total for name, count in groups.most_common()}


def group_samples(script: str) -> Counter[str]:
    """Count the stacks of ``perf script`` (one per paragraph, innermost frame first) by group."""
    return Counter(_group(stack.strip().splitlines()) for stack in script.split("\n\n") if stack.strip())


def _group(frames: list[str]) -> str:
    for frame in frames:
        for name, group in _SYSTEM_CALLS:
            if f"__x64_sys_{name}" in frame or f"__sys_{name}" in frame or f"__arm64_sys_{name}" in frame:
                return group
    if "kernel" in frames[0]:
        return "kernel: other"
    library = frames[0].rpartition("(")[2]
    return next((group for name, group in _LIBRARIES if name in library), "other")
