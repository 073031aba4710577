"""What is measured, and which figures are compared with which goal."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class Scale:
    """How much is measured. The goals are for the sizes given here."""

    warm_up_seconds: int = 3
    wrk_seconds: int = 15
    connections: int = 32
    decided_requests: int = 100_000
    decided_one_by_one: int = 5_000
    decided_stock: int = 10_000
    journey_per_second: int = 1_000
    journey_seconds: int = 60
    burst_users: int = 10_000
    burst_stock: int = 1_000
    watchers: int = 10_000
    kills: int = 20


QUICK = Scale(
    warm_up_seconds=1, wrk_seconds=2, decided_requests=3_000, decided_one_by_one=300, decided_stock=300,
    journey_per_second=50, journey_seconds=4, burst_users=300, burst_stock=30, watchers=100, kills=2,
)  # fmt: skip
"""Whether everything runs: its figures mean nothing."""


class Measurement(StrEnum):
    """One thing that is done, and its figures."""

    ACCEPT = "accepting, API and PostgreSQL alone"
    CONSTANT = "bare Flask that answers a constant 202"
    ROW_LOCK = "design: synchronous row lock"
    OPTIMISTIC_RETRY = "design: optimistic retry"
    REDIS_STOCK = "design: stock in Redis, written later"
    ACCEPT_FULL_STACK = "accepting, everything on this machine"
    REFUSE = "pressing for a coupon that is sold out"
    DECIDE = "deciding a backlog"
    DECIDE_ONE_BY_ONE = "deciding a backlog, one transaction a message"
    JOURNEY = "from click to decision at a steady rate"
    BURST = "a burst of users in one second"
    WATCHERS = "users watching at once"


@dataclass(frozen=True)
class Row:
    """``figure`` of a measurement; divided by that of ``divisor`` if there is one."""

    name: str
    what: str
    unit: str
    figure: str
    dividend: Measurement
    goal: float
    divisor: Measurement | None = None
    at_least: bool = True

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        return (self.dividend,) if self.divisor is None else (self.dividend, self.divisor)

    def meets_goal(self, value: float) -> bool:
        return value >= self.goal if self.at_least else value <= self.goal


RATE = "per_second"

ROWS = (
    Row(
        "accept_per_second", "durable requests accepted, API and PostgreSQL alone",
        "/s", RATE, Measurement.ACCEPT, goal=2_600,
    ),
    Row(
        "accept_vs_constant", "the same / bare Flask with a constant 202",
        "", RATE, Measurement.ACCEPT, 0.70, Measurement.CONSTANT,
    ),
)  # fmt: skip

NAMES = tuple(row.name for row in ROWS)


def chosen_rows(names: Iterable[str]) -> list[Row]:
    """Those of these names, all if there are none."""
    wanted = set(names) or set(NAMES)
    return [row for row in ROWS if row.name in wanted]


def needed_measurements(rows: Iterable[Row]) -> list[Measurement]:
    """What has to be measured for these rows, in the order in which it is done."""
    needed = {measurement for row in rows for measurement in row.measurements}
    return [measurement for measurement in Measurement if measurement in needed]


def best(figure: str, values: Iterable[float]) -> float:
    """Of a figure's repeats: others on the machine only ever make a result worse."""
    return max(values) if figure == RATE else min(values)
