"""What is measured, and which figures are compared with which goal."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

GOAL_EVENTS = 200_000
"""The goals are for a small backlog of so many events."""
DEFAULT_REPEATS = 2


@dataclass(frozen=True)
class Scale:
    """How much is measured, and how; sizes follow from that of the small backlog."""

    events: int = GOAL_EVENTS
    latency_seconds: int = 30
    debezium_start: str = "slot"
    """A key of ``systems.DEBEZIUM``."""

    @property
    def large_backlog(self) -> int:
        return 5 * self.events

    @property
    def kept_rows(self) -> int:
        return 50 * self.events


class Measurement(StrEnum):
    """One thing that is done, and its figures."""

    OURS = "ours"
    DEBEZIUM = "debezium"
    BARE_PRODUCER = "bare producer"
    OURS_HELD_TRANSACTION = "ours, a transaction held open"
    OURS_LARGE = "ours, large backlog"
    DEBEZIUM_LARGE = "debezium, large backlog"
    TWO_OF_OURS_LARGE = "two of ours, large backlog"
    OURS_LATENCY = "ours, latency"
    DEBEZIUM_LATENCY = "debezium, latency"
    OURS_KEPT_ROWS = "ours, published rows kept"


@dataclass(frozen=True)
class Ratio:
    """``figure`` of one measurement divided by that of another."""

    name: str
    what: str
    figure: str
    dividend: Measurement
    divisor: Measurement
    goal: float
    at_least: bool = True

    def meets_goal(self, value: float) -> bool:
        return value >= self.goal if self.at_least else value <= self.goal


RATE = "events_per_second"

RATIOS = (
    Ratio(
        "drain_200k_vs_debezium", "small backlog from process start, Debezium / relay",
        "seconds", Measurement.DEBEZIUM, Measurement.OURS, goal=2.0,
    ),
    Ratio(
        "drain_1m_vs_debezium", "large backlog from process start, Debezium / relay",
        "seconds", Measurement.DEBEZIUM_LARGE, Measurement.OURS_LARGE, goal=1.0,
    ),
    Ratio(
        "drain_vs_bare_producer", "rate, relay / kafka-python alone",
        RATE, Measurement.OURS, Measurement.BARE_PRODUCER, goal=0.6,
    ),
    Ratio(
        "latency_p50_vs_debezium", "commit to consumer, relay / Debezium",
        "p50_ms", Measurement.OURS_LATENCY, Measurement.DEBEZIUM_LATENCY, goal=0.7, at_least=False,
    ),
    Ratio(
        "latency_p99_vs_debezium", "commit to consumer, relay / Debezium",
        "p99_ms", Measurement.OURS_LATENCY, Measurement.DEBEZIUM_LATENCY, goal=1.0, at_least=False,
    ),
    Ratio(
        "flat_10m", "rate with published rows kept / without",
        RATE, Measurement.OURS_KEPT_ROWS, Measurement.OURS, goal=0.9,
    ),
    Ratio(
        "flat_held_transaction", "rate with a transaction held open / without",
        RATE, Measurement.OURS_HELD_TRANSACTION, Measurement.OURS, goal=0.9,
    ),
    Ratio(
        "rss_vs_debezium", "resident memory after the small backlog, relay / Debezium",
        "resident_mb", Measurement.OURS, Measurement.DEBEZIUM, goal=0.25, at_least=False,
    ),
    Ratio(
        "two_relays", "rate on the large backlog, two relays / one",
        RATE, Measurement.TWO_OF_OURS_LARGE, Measurement.OURS_LARGE, goal=1.3,
    ),
)  # fmt: skip

NAMES = tuple(ratio.name for ratio in RATIOS)


def chosen_ratios(names: Iterable[str]) -> list[Ratio]:
    """Those of these names, all if there are none."""
    wanted = set(names) or set(NAMES)
    return [ratio for ratio in RATIOS if ratio.name in wanted]


def is_complete(ratios: Iterable[Ratio], scale: Scale, repeats: int) -> bool:
    """Whether a run with these options is one that the documents may quote."""
    return tuple(ratios) == RATIOS and scale == Scale() and repeats >= DEFAULT_REPEATS


def needed_measurements(ratios: Iterable[Ratio]) -> list[Measurement]:
    """What has to be measured for these ratios, in the order in which it is done."""
    needed = {measurement for ratio in ratios for measurement in (ratio.dividend, ratio.divisor)}
    return [measurement for measurement in Measurement if measurement in needed]


def best(figure: str, values: Iterable[float]) -> float:
    """Of a figure's repeats: others on the machine only ever make a result worse."""
    return max(values) if figure == RATE else min(values)
