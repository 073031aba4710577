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
    POLLERS = "users polling at once, each when the last reply said"
    KILLED_OURS = "ours, processes killed"
    KILLED_ROW_LOCK = "synchronous row lock, processes killed"
    KILLED_OPTIMISTIC_RETRY = "optimistic retry, processes killed"
    KILLED_REDIS_STOCK = "stock in Redis with an append-only file, processes killed"
    KILLED_REDIS_SNAPSHOTS = "stock in Redis with its usual snapshots, processes killed"


@dataclass(frozen=True)
class Row:
    """``figure`` of a measurement; divided by that of ``divisor`` if there is one."""

    name: str
    what: str
    unit: str
    figure: str
    dividend: Measurement
    goal: float | None = None
    divisor: Measurement | None = None
    at_least: bool = True

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        return (self.dividend,) if self.divisor is None else (self.dividend, self.divisor)

    def meets_goal(self, value: float) -> bool | None:
        """None without a goal."""
        if self.goal is None:
            return None
        return value >= self.goal if self.at_least else value <= self.goal


RATE = "per_second"

BROKEN = "broken"

ROWS = (
    Row(
        "accept_per_second", "durable requests accepted, API and PostgreSQL alone",
        "/s", RATE, Measurement.ACCEPT, 2_600,
    ),
    Row(
        "accept_vs_constant", "the same / bare Flask with a constant 202",
        "", RATE, Measurement.ACCEPT, 0.70, Measurement.CONSTANT,
    ),
    Row(
        "accept_vs_row_lock", "the same / synchronous row lock, one hot coupon",
        "", RATE, Measurement.ACCEPT, 3, Measurement.ROW_LOCK,
    ),
    Row(
        "accept_vs_optimistic_retry", "the same / optimistic retry",
        "", RATE, Measurement.ACCEPT, None, Measurement.OPTIMISTIC_RETRY,
    ),
    Row(
        "accept_vs_redis_stock", "the same / stock in Redis, written later",
        "", RATE, Measurement.ACCEPT, None, Measurement.REDIS_STOCK,
    ),
    Row(
        "accept_full_stack_per_second", "accepted with everything else on this machine",
        "/s", RATE, Measurement.ACCEPT_FULL_STACK, 1_500,
    ),
    Row(
        "refuse_vs_constant", "presses for a sold-out coupon / bare Flask",
        "", RATE, Measurement.REFUSE, 0.85, Measurement.CONSTANT,
    ),
    Row(
        "decide_per_second", "decided of a backlog for one coupon, one worker",
        "/s", RATE, Measurement.DECIDE, 12_000,
    ),
    Row(
        "decide_vs_one_by_one", "the same / one transaction a message",
        "", RATE, Measurement.DECIDE, 15, Measurement.DECIDE_ONE_BY_ONE,
    ),
    Row(
        "journey_p99_ms", "click to decision seen, at a steady rate",
        "ms", "p99_ms", Measurement.JOURNEY, 500, at_least=False,
    ),
    Row(
        "burst_10k", "first press to last decision seen, all users in one second",
        "s", "seconds", Measurement.BURST, 8, at_least=False,
    ),
    Row(
        "watchers_10k_mb", "peak memory of what serves the watchers",
        "MB", "resident_mb", Measurement.WATCHERS, 200, at_least=False,
    ),
    Row(
        "watchers_lag_p99_ms", "decision stored to decision seen",
        "ms", "lag_p99_ms", Measurement.WATCHERS, 1_000, at_least=False,
    ),
    Row(
        "watchers_trickle_p99_ms", "the same, at 50 users a second",
        "ms", "trickle_p99_ms", Measurement.WATCHERS, 200, at_least=False,
    ),
    Row(
        "watchers_10k_slowdown", "accepted without watchers / with them",
        "", "slowdown", Measurement.WATCHERS, 1.10, at_least=False,
    ),
    Row(
        "watchers_10k_decide_slowdown", "decided without watchers / with them",
        "", "decide_slowdown", Measurement.WATCHERS, 1.10, at_least=False,
    ),
    Row(
        "pollers_10k_mb", "the same, of the API that answers polls",
        "MB", "resident_mb", Measurement.POLLERS, at_least=False,
    ),
    Row(
        "pollers_lag_p99_ms", "the same, seen by polls",
        "ms", "lag_p99_ms", Measurement.POLLERS, at_least=False,
    ),
    Row(
        "pollers_10k_slowdown", "the same, without polls / with them",
        "", "slowdown", Measurement.POLLERS, at_least=False,
    ),
    Row(
        "killed_ours", "promises broken, oversold or left over by kills",
        "", BROKEN, Measurement.KILLED_OURS, 0, at_least=False,
    ),
    Row("killed_row_lock", "the same, synchronous row lock", "", BROKEN, Measurement.KILLED_ROW_LOCK),
    Row(
        "killed_optimistic_retry", "the same, optimistic retry",
        "", BROKEN, Measurement.KILLED_OPTIMISTIC_RETRY,
    ),
    Row(
        "killed_redis_stock", "the same, stock in Redis with an append-only file",
        "", BROKEN, Measurement.KILLED_REDIS_STOCK,
    ),
    Row(
        "killed_redis_snapshots", "the same, stock in Redis with its usual snapshots",
        "", BROKEN, Measurement.KILLED_REDIS_SNAPSHOTS,
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
