"""What processes use."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

Process = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Resources:
    """Of processes and all that descends from them."""

    resident_mb: float
    """The sum; what processes share is counted in each of them."""
    cpu_seconds: float


def resources(processes: Sequence[Process]) -> Resources:
    """What they use now and have used so far; those that have ended count as nothing."""
    parents = [psutil.Process(process.pid) for process in processes]
    family = [member for parent in parents for member in (parent, *parent.children(recursive=True))]
    times = [member.cpu_times() for member in family]
    return Resources(
        resident_mb=sum(member.memory_info().rss for member in family) / 1e6,
        cpu_seconds=sum(time.user + time.system for time in times),
    )
