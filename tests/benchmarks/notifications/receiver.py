"""The provider and the receiver of monitoring, in a process of their own.

``python -m tests.benchmarks.notifications.receiver PORT SENDS_PER_SECOND``
"""

import json
import sys
import threading
from dataclasses import asdict, dataclass

import httpx

from tests.support.quick_receiver import QuickReceiver, reply

_ANSWER_SECONDS = 30


@dataclass(frozen=True)
class Received:
    """What has come so far; ``sent_at`` by the machine's monotonic clock."""

    messages: int
    extra_messages: int
    notices: int
    throttled: int
    sent_at: list[float]


def received(url: str) -> Received:
    """Ask the process for it."""
    answer = httpx.get(f"{url}/received", timeout=_ANSWER_SECONDS, trust_env=False)
    return Received(**answer.raise_for_status().json())


def hang(url: str, seconds: float) -> None:
    """Let it answer nothing about messages for so long."""
    answer = httpx.post(f"{url}/hang", json=seconds, timeout=_ANSWER_SECONDS, trust_env=False)
    answer.raise_for_status()


class ReportingReceiver(QuickReceiver):
    """Also says what it has received, and hangs when it is asked to."""

    def answer(self, method: str, target: str, body: bytes) -> bytes | None:
        match target:
            case "/received":
                return reply("200 OK", json.dumps(asdict(self._received())).encode())
            case "/hang":
                self.hang(float(json.loads(body)))
                return reply("204 No Content")
        return super().answer(method, target, body)

    def _received(self) -> Received:
        return Received(
            messages=len(self.sent_at),
            extra_messages=len(self.sent_at) - len(self.references),
            notices=self.notices,
            throttled=self.throttled,
            sent_at=self.sent_at,
        )


if __name__ == "__main__":
    with ReportingReceiver(port=int(sys.argv[1]), sends_per_second=int(sys.argv[2])):
        # Until it is ended.
        threading.Event().wait()
