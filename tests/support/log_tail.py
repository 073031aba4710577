"""What a process has logged since a certain moment."""

import json
from pathlib import Path
from typing import Any


class LogTail:
    """A JSON log from its end on, as it is when this is made."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._start = path.stat().st_size

    def events(self, event: str) -> list[dict[str, Any]]:
        """The whole lines of this event that have been written since."""
        with self._path.open("rb") as log:
            log.seek(self._start)
            lines = [line for line in log if line.startswith(b"{") and line.endswith(b"\n")]
        return [entry for entry in map(json.loads, lines) if entry.get("event") == event]

    def partitions(self) -> set[int]:
        """The partitions that the process was given last; none when it was given none since."""
        assigned = self.events("partitions_assigned")
        return set(assigned[-1]["partitions"]) if assigned else set()
