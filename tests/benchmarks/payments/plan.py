"""What is measured, and which figures are compared with which goal."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tests.benchmarks.verdicts import Form, Row


@dataclass(frozen=True)
class Scale:
    """How much is measured. The goals are for the sizes given here."""

    gateway_latency_ms: int = 20
    payments_per_second: int = 100
    steady_seconds: int = 30
    connections: int = 32
    payments: int = 6_000
    """Paid as fast as the answers come."""
    unknown_payments: int = 200
    outage_seconds: int = 60
    backlog: int = 10_000
    webhooks: int = 5_000
    storm_seconds: int = 120
    storm_payments_per_second: int = 50
    storm_webhooks_per_second: int = 100


QUICK = Scale(
    steady_seconds=3, payments=200, unknown_payments=20, outage_seconds=6, backlog=100, webhooks=300,
    storm_seconds=4,
)  # fmt: skip
"""Whether everything runs: its figures mean nothing."""


class Measurement(StrEnum):
    """One thing that is done, and its figures."""

    STEADY = "payments at a steady rate"
    FAST = "payments as fast as they are answered"
    RECOVERY = "unknown payments after an outage of the gateway"
    BACKLOG = "a backlog of unknown payments"
    WEBHOOKS = "webhooks as fast as they are answered"
    CALM = "payments without webhooks"
    STORM = "the same in a storm of webhooks, tripled and shuffled"


RATE = "per_second"

ROWS = (
    Row(
        "payment_p99_ms", "POST …/payments at a steady rate, the gateway answers in 20 ms",
        "ms", "p99_ms", (Measurement.STEADY,), 150,
    ),
    Row(
        "payments_per_second", "the same at 32 connections, with the sandbox beside",
        "/s", RATE, (Measurement.FAST,), 300, at_least=True,
    ),
    Row(
        "recovered_p99_seconds", "gateway answers again to unknown payment settled",
        "s", "p99_seconds", (Measurement.RECOVERY,), 10,
    ),
    Row(
        "backlog_seconds", "10,000 unknown payments settled, one worker",
        "s", "seconds", (Measurement.BACKLOG,), 120,
    ),
    Row(
        "webhooks_per_second", "webhooks answered 2xx and stored",
        "/s", RATE, (Measurement.WEBHOOKS,), 500, at_least=True,
    ),
    Row(
        "webhook_p99_ms", "a webhook's answer at that rate",
        "ms", "p99_ms", (Measurement.WEBHOOKS,), 1_000,
    ),
    Row(
        "webhook_storm_slowdown", "payments' p99 in a storm of webhooks / without",
        "", "p99_ms", (Measurement.STORM, Measurement.CALM), 1.2, Form.RATIO,
    ),
)  # fmt: skip


def kept(figure: str, values: Iterable[float]) -> float:
    """Of a figure's repeats: the best, since others on the machine only ever make it worse."""
    return max(values) if figure == RATE else min(values)
