"""How a process of a stack is."""

from dataclasses import dataclass
from typing import Literal

import psutil

from devstack.processes import Processes, ProcessSpec

State = Literal["ready", "unready", "frozen", "stopped", "failed"]


@dataclass(frozen=True)
class ProcessStatus:
    """One process at this moment.

    `stopped` has ended with 0, by a stop, or never ran; `failed` has ended in any other way, which
    `exit_status` tells: minus the signal's number if a signal ended it.
    """

    name: str
    state: State
    pid: int | None
    url: str | None
    reason: str | None = None
    exit_status: int | None = None


# Java ends so after SIGTERM.
ORDERLY_ENDS = (None, 0, 143)


def status_of(spec: ProcessSpec, processes: Processes, url: str | None) -> ProcessStatus:
    """Look at a process, and ask it whether it is ready."""
    process = processes.find(spec.name)
    if process is None:
        exit_status = processes.exit_status(spec.name)
        state: State = "stopped" if exit_status in ORDERLY_ENDS else "failed"
        return ProcessStatus(spec.name, state, None, url, exit_status=exit_status)
    if process.status() == psutil.STATUS_STOPPED:
        return ProcessStatus(spec.name, "frozen", process.pid, url)
    reason = spec.probe()
    return ProcessStatus(spec.name, "unready" if reason else "ready", process.pid, url, reason)
