"""What a process costs, read from /proc: CPU time and memory of the server, never of ourselves.

CPU time is the scheduler's run time in nanoseconds (``schedstat``), which ``utime + stime`` of ``/proc/<pid>/stat``
are made of but show in ticks of 10 ms. On the loopback interface a packet's whole way into the receiver's socket
runs in the sender's system call (soft interrupts included, unless the kernel accounts those apart), so the
server pays for delivering what it sends, and the client for delivering to the server.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CpuTime:
    """CPU seconds so far."""

    total_s: float
    user_s: float
    system_s: float

    def since(self, earlier: "CpuTime") -> "CpuTime":
        """What was used between two readings."""
        return CpuTime(self.total_s - earlier.total_s, self.user_s - earlier.user_s, self.system_s - earlier.system_s)


def cpu_time(pid: int) -> CpuTime:
    """CPU time of all threads of a process that still run (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    user_s, system_s = int(fields[11]) * tick_s, int(fields[12]) * tick_s
    run_ns = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        run_ns += int((thread / "schedstat").read_text().split()[0])
    return CpuTime(run_ns / 1e9 or user_s + system_s, user_s, system_s)


def proportional_bytes(pid: int) -> int:
    """Memory of a process where pages shared with others count in proportion (PSS)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no Pss line for process {pid}")


def socket_drops(ports: frozenset[int]) -> int:
    """Datagrams that the kernel dropped because one of these local UDP ports' receive buffers was full."""
    drops = 0
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if int(fields[1].rpartition(":")[2], 16) in ports:
                drops += int(fields[-1])
    return drops


def pin(cpu: int | None, pid: int = 0) -> None:
    """Run a process (0: this one) on one core only, where the machine has it, and before others where we may."""
    if cpu is None:
        return
    if cpu < (os.cpu_count() or 1):
        for thread in Path(f"/proc/{pid or 'self'}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {cpu})
    put_first(pid)


def put_first(pid: int = 0) -> None:
    """Run a process (0: this one) before others, where we may."""
    # Not root: the measurement then shares the core with whatever else runs there.
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, pid, _PRIORITY)
    # Where the scheduler groups by session (sched(7), autogroup), the group's own value counts as well.
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid or 'self'}/autogroup").write_text(str(_PRIORITY))


def core_busy_s(cpu: int) -> float:
    """CPU seconds of one core that anything used so far, ourselves included (proc(5), /proc/stat)."""
    for line in Path("/proc/stat").read_text().splitlines():
        fields = line.split()
        if fields[0] == f"cpu{cpu}":
            user, nice, system, _, _, interrupt, soft_interrupt, steal = map(int, fields[1:9])
            return (user + nice + system + interrupt + soft_interrupt + steal) / os.sysconf("SC_CLK_TCK")
    raise ValueError(f"no core {cpu}")


_PRIORITY = -15
