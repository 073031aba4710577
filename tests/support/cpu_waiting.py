"""How long processes were ready to run and got no CPU, which is the machine's time and not theirs."""

from contextlib import suppress
from pathlib import Path

import psutil

_NANOSECONDS = 1e9


class CpuWaiting:
    """Of all threads of a process and of its descendants; those that have ended keep what was last seen."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._seen: dict[Path, int] = {}
        self._before = 0.0
        self._before = self.seconds()

    def seconds(self) -> float:
        """Since this was made. A process that is stopped, asleep or blocked doesn't wait for a CPU."""
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(self._pid)
            for process in (root, *root.children(recursive=True)):
                self._look_at(process.pid)
        return sum(self._seen.values()) / _NANOSECONDS - self._before

    def _look_at(self, pid: int) -> None:
        for thread in Path(f"/proc/{pid}/task").glob("*"):
            with suppress(OSError):
                # Time on a CPU, time in its queue, number of turns.
                self._seen[thread] = int((thread / "schedstat").read_text().split()[1])
