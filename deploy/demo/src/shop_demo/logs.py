"""Errors in the processes' logs, of this run only."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_BAD_LEVELS = frozenset({"error", "critical", "fatal"})
# What Java, PostgreSQL and Python write where a process does not write JSON.
_BAD_LINE = re.compile(r"\b(ERROR|FATAL|PANIC|CRITICAL)\b|^Traceback \(most recent call last\)")
# PostgreSQL's answer to a client (a health check, say) that connects while it stops or starts: no failure.
_REFUSED_FOR_NOW = re.compile(r"\bFATAL:  the database system is (shutting down|starting up)$")
_LONGEST_SHOWN = 300


@dataclass(frozen=True, slots=True)
class LogMark:
    """How long each log was when the run began."""

    sizes: Mapping[Path, int]
    collect_logs: Callable[[], Path]
    """Returns the folder of the logs, with the files up to date."""

    @classmethod
    def now(cls, collect_logs: Callable[[], Path]) -> "LogMark":
        return cls({path: path.stat().st_size for path in _logs(collect_logs())}, collect_logs)

    def errors_since(self) -> tuple[str, ...]:
        """Each line that reports an error since the mark, with the log's name before it."""
        return tuple(
            f"{path.stem}: {line[:_LONGEST_SHOWN]}"
            for path in _logs(self.collect_logs())
            for line in _lines_from(path, self.sizes.get(path, 0))
            if reports_error(line)
        )


def reports_error(line: str) -> bool:
    """Whether a line of a log, JSON or not, is an error's."""
    if line.startswith("{"):
        try:
            entry = json.loads(line)
        except ValueError:
            return bool(_BAD_LINE.search(line))
        return str(entry.get("level", "")).lower() in _BAD_LEVELS
    return bool(_BAD_LINE.search(line)) and not _REFUSED_FOR_NOW.search(line)


def _logs(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.log")) if directory.is_dir() else []


def _lines_from(path: Path, offset: int) -> Iterator[str]:
    with path.open("rb") as log:
        # A log that is shorter than it was has been begun anew.
        log.seek(offset if offset <= path.stat().st_size else 0)
        for line in log:
            yield line.decode(errors="replace").rstrip()
