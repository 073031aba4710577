"""The open-loop client: users press at their moments, whether or not others were answered."""

import csv
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.go_client import build_client

_SOURCE = Path(__file__).with_name("load")
_SPARE_SECONDS = 30
_OTHER_FILES = 200

ISSUED = "ISSUED"
ACCEPTED = "ACCEPTED"
UNANSWERED = "UNANSWERED"
BROKEN = "BROKEN"


@dataclass(frozen=True)
class Journey:
    """One user's press; times are seconds since the epoch, None for what never came."""

    user_id: int
    request_id: str
    outcome: str
    """UNANSWERED, BROKEN (the connection), ACCEPTED, ISSUED, ``REJECTED reason``, or ``status reason``."""
    scheduled_at: float
    answered_at: float | None
    decided_at: float | None
    presses: int
    polls: int
    polls_with_pause: int
    """How many of the polls were answered with when to come back."""
    places: int = 0
    """How many a stream showed."""
    worse: int = 0
    """How many of the places were worse than one before."""

    @property
    def accepted(self) -> bool:
        return bool(self.request_id)

    @property
    def refused(self) -> bool:
        """By the gate, for good; any other status is no end that a user may have."""
        return self.outcome.startswith("409 ")


@dataclass(frozen=True)
class Load:
    """Who presses, when, and how patiently."""

    url: str
    coupon_id: int
    users: int
    per_second: float
    deadline_seconds: float
    first_user: int = 1
    follow: bool = False
    wait_seconds: float = 0.0
    key_prefix: str = ""
    retry_errors: bool = False
    watch_url: str = ""
    """Of a watch server, to follow by streams of events and not by polls."""
    connections: int = 256
    """To the API, at a time: presses that find none free wait, and their waiting counts."""


def connections_of(users: int) -> int:
    """One a user, or as many as this process may open; the client and the servers inherit the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(users, hard - _OTHER_FILES)


def run_load(load: Load, directory: Path) -> list[Journey]:
    """What became of every user, when all have an outcome or the deadline is over."""
    with running_load(load, directory) as client:
        return client.journeys()


class LoadClient:
    """A client that presses now."""

    def __init__(self, process: subprocess.Popen[bytes], answers: Path, timeout_seconds: float) -> None:
        self._process = process
        self._answers = answers
        self._timeout_seconds = timeout_seconds

    def journeys(self) -> list[Journey]:
        """Waits for the end."""
        if status := self._process.wait(self._timeout_seconds):
            raise ChildProcessError(f"the client ended with {status}")
        return read_journeys(self._answers)


def read_journeys(path: Path) -> list[Journey]:
    """What a client has written."""
    with path.open(newline="") as lines:
        began = int(lines.readline()) / 1e6
        return [_journey(began, row) for row in csv.reader(lines)]


@contextmanager
def running_load(load: Load, directory: Path) -> Iterator[LoadClient]:
    """The client is killed when the block ends before it does."""
    answers = directory / "answers.csv"
    command = [
        str(build_client(_SOURCE, "coupon-load")), "-url", load.url,
        "-coupon", str(load.coupon_id), "-users", str(load.users),
        "-rate", str(load.per_second), "-deadline", f"{load.deadline_seconds}s",
        "-first-user", str(load.first_user), f"-follow={str(load.follow).lower()}",
        "-wait", str(load.wait_seconds), "-key-prefix", load.key_prefix,
        f"-retry-errors={str(load.retry_errors).lower()}",
        "-watch", load.watch_url, "-connections", str(load.connections), "-answers", str(answers),
    ]  # fmt: skip
    process = subprocess.Popen(command)
    try:
        yield LoadClient(process, answers, load.deadline_seconds + _SPARE_SECONDS)
    finally:
        process.kill()
        process.wait()


def _journey(began: float, row: list[str]) -> Journey:
    user, request_id, outcome, scheduled, answered, decided, presses, polls, paused, places, worse = row
    return Journey(
        user_id=int(user),
        request_id=request_id,
        outcome=outcome,
        scheduled_at=began + int(scheduled) / 1e6,
        answered_at=None if answered == "-1" else began + int(answered) / 1e6,
        decided_at=None if decided == "-1" else began + int(decided) / 1e6,
        presses=int(presses),
        polls=int(polls),
        polls_with_pause=int(paused),
        places=int(places),
        worse=int(worse),
    )
