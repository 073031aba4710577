"""The client: prepared requests, each sent at its moment or as soon as a connection is free."""

import csv
import statistics
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.go_client import build_client

_SOURCE = Path(__file__).with_name("load")
_PATIENCE_SECONDS = 600


@dataclass(frozen=True)
class Post:
    """One request."""

    path: str
    body: str
    key: str = ""


@dataclass(frozen=True)
class Answer:
    """``status`` is 0 where none came; times are seconds since the first request's moment."""

    status: int
    scheduled_at: float
    answered_at: float


@dataclass(frozen=True)
class Answers:
    """All answers, in the order of their requests."""

    answers: Sequence[Answer]

    def check(self, status: int) -> "Answers":
        """Raises ValueError if one is another."""
        others = [answer.status for answer in self.answers if answer.status != status]
        if others:
            raise ValueError(f"{len(others)} of {len(self.answers)} answers were not {status}: {others[:5]}")
        return self

    @property
    def per_second(self) -> float:
        return len(self.answers) / max(answer.answered_at for answer in self.answers)

    def percentile_ms(self, percent: int) -> float:
        """From the moment at which a request was due."""
        waits = [answer.answered_at - answer.scheduled_at for answer in self.answers]
        return statistics.quantiles(waits, n=100, method="inclusive")[percent - 1] * 1_000


class Sending:
    """A client that is at work."""

    def __init__(self, process: subprocess.Popen[bytes], answers: Path) -> None:
        self._process = process
        self._answers = answers

    def answers(self) -> Answers:
        """Waits for the end."""
        if status := self._process.wait(_PATIENCE_SECONDS):
            raise ChildProcessError(f"the client ended with {status}")
        with self._answers.open(newline="") as lines:
            rows = list(csv.reader(lines))
        return Answers([Answer(int(row[0]), int(row[1]) / 1e6, int(row[2]) / 1e6) for row in rows])


def send(directory: Path, url: str, posts: Iterable[Post], *, connections: int, rate: float = 0) -> Answers:
    """All answers, when each has come. A rate of 0 is as fast as they come."""
    with sending(directory, url, posts, connections=connections, rate=rate) as client:
        return client.answers()


@contextmanager
def sending(
    directory: Path, url: str, posts: Iterable[Post], *, connections: int, rate: float, name: str = "load"
) -> Iterator[Sending]:
    """The client is killed when the block ends before it does."""
    requests, answers = directory / f"{name}-requests.tsv", directory / f"{name}-answers.csv"
    requests.write_text("".join(f"{post.path}\t{post.key}\t{post.body}\n" for post in posts))
    command = [
        str(build_client(_SOURCE, "payments-load")), "-url", url, "-rate", str(rate),
        "-connections", str(connections), "-requests", str(requests), "-answers", str(answers),
    ]  # fmt: skip
    process = subprocess.Popen(command)
    try:
        yield Sending(process, answers)
    finally:
        process.kill()
        process.wait()
