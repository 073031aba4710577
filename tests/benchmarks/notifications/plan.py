"""What is measured, and which figures are compared with which goal."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tests.benchmarks.verdicts import Form, Row


@dataclass(frozen=True)
class Scale:
    """How much is measured. The goals are for the sizes given here."""

    events: int = 20_000
    """Few enough that each is sent while it is fresh: an older one is looked up first."""
    hanging_seconds: float = 60.0
    orders_per_second: int = 20
    limit_per_second: int = 300
    limited_seconds: float = 60.0


QUICK = Scale(events=600, hanging_seconds=6.0, orders_per_second=10, limited_seconds=4.0)
"""Whether everything runs: its figures mean nothing."""


class Measurement(StrEnum):
    """One thing that is done, and its figures."""

    EFFECTS = "the three effects of a backlog, through three consumers"
    EFFECTS_WITHOUT_INBOX = "the same, without an inbox"
    PROVIDER_DOWN = "orders while the alimtalk provider hangs"
    LIMIT = "a backlog of alimtalk at the provider's limit"


RATE = "per_second"
EXTRA_MESSAGES = "extra_messages"

ROWS = (
    Row(
        "effects_per_second", "events whose three effects are recorded, three consumers",
        "/s", RATE, (Measurement.EFFECTS,), 1_000, at_least=True,
    ),
    Row(
        "provider_down_delay_p99_ms", "order to other effects while alimtalk hangs",
        "ms", "other_delay_p99_ms", (Measurement.PROVIDER_DOWN,), 2_000,
    ),
    Row(
        "inbox_overhead", "events a second with the inbox / without it",
        "", RATE, (Measurement.EFFECTS, Measurement.EFFECTS_WITHOUT_INBOX), 0.8, Form.RATIO, at_least=True,
    ),
    Row(
        "limit_error_percent", "messages a second beside the limit, three consumers",
        "%", "error_percent", (Measurement.LIMIT,), 5,
    ),
    Row(
        "doubled", "messages that came twice, in all measurements",
        "", EXTRA_MESSAGES, tuple(Measurement), 0, Form.SUM,
    ),
)  # fmt: skip

NAMES = tuple(row.name for row in ROWS)


def kept(figure: str, values: Iterable[float]) -> float:
    """Of a figure's repeats: the best, since others on the machine only ever make it worse.

    But a message that came twice in any of them counts.
    """
    if figure == EXTRA_MESSAGES:
        return sum(values)
    return max(values) if figure == RATE else min(values)
