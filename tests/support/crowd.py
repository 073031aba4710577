"""Customers that press one coupon's button, and the order in which the coupon was decided for them."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from types import TracebackType
from typing import Self

import httpx

from tests.support.stack_databases import StackDatabases
from tests.support.waiting import wait_until

_CUSTOMERS = 12
# Bounds the load whatever happens.
_MOST_PRESSES = 20_000
_PAUSE_SECONDS = 0.05
_DECISIONS = "SELECT request_id::text, decision_number FROM coupon_request WHERE coupon_id = %s"


@dataclass(frozen=True, slots=True)
class Press:
    """An accepted press. Times are seconds of one monotonic clock: of its first sending, and of its 202."""

    request_id: str
    sent_at: float
    answered_at: float


class Crowd:
    """Each customer presses as another user, again and again, until the block ends.

    A press that fails is repeated with its key, as clients should.
    """

    def __init__(self, coupon_api_url: str, coupon_id: int) -> None:
        self._coupon_id = coupon_id
        self._path = f"{coupon_api_url}/api/v1/users/{{user_id}}/coupons/{coupon_id}/issue"
        self._users = count(1)
        self._ended = threading.Event()
        self._customers = [threading.Thread(target=self._press_on) for _ in range(_CUSTOMERS)]
        self.presses: list[Press] = []

    def __enter__(self) -> Self:
        for customer in self._customers:
            customer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        for customer in self._customers:
            customer.join()

    def wait_for_more(self, presses: int = 200) -> None:
        """Return when so many more presses have been accepted."""
        wanted = len(self.presses) + presses
        wait_until(lambda: len(self.presses) >= wanted, f"{presses} more presses", timeout_seconds=60)

    def assert_nobody_was_overtaken(self, databases: StackDatabases) -> None:
        """Wait until all are decided, and compare. Call it behind the block."""

        def decided() -> dict[str, int]:
            rows = databases.rows("coupon", _DECISIONS, self._coupon_id)
            return dict(rows) if all(number is not None for _, number in rows) else {}

        numbers = wait_until(decided, "every press to be decided", timeout_seconds=120)
        assert {press.request_id for press in self.presses} <= set(numbers)
        assert sorted(numbers.values()) == list(range(1, len(numbers) + 1))
        assert overtaken(self.presses, numbers) == []

    def _press_on(self) -> None:
        with httpx.Client(timeout=70, trust_env=False) as http:
            while not self._ended.is_set() and (user_id := next(self._users)) <= _MOST_PRESSES:
                self._press(http, user_id)

    def _press(self, http: httpx.Client, user_id: int) -> None:
        sent_at = time.monotonic()
        while not self._ended.is_set():
            try:
                headers = {"Idempotency-Key": f"crowd-{user_id}"}
                answer = http.post(self._path.format(user_id=user_id), headers=headers)
            except httpx.HTTPError:
                pass
            else:
                if answer.status_code == httpx.codes.ACCEPTED:
                    self.presses.append(Press(answer.json()["requestId"], sent_at, time.monotonic()))
                    return
            self._ended.wait(_PAUSE_SECONDS)


def overtaken(presses: Sequence[Press], decision_numbers: Mapping[str, int]) -> list[Press]:
    """Presses that were answered before some press was sent that was decided before them."""
    found: list[Press] = []
    latest_sent = float("-inf")
    for press in sorted(presses, key=lambda press: decision_numbers[press.request_id]):
        if press.answered_at < latest_sent:
            found.append(press)
        latest_sent = max(latest_sent, press.sent_at)
    return found
