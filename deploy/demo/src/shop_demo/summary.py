"""build/demo/summary.json."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import quantiles

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class Percentiles(_Part):
    """None where nothing was measured."""

    p50: float | None
    p99: float | None

    @classmethod
    def of(cls, milliseconds: Iterable[float]) -> "Percentiles":
        values = list(milliseconds)
        if len(values) < 2:
            only = round(values[0], 1) if values else None
            return cls(p50=only, p99=only)
        cuts = quantiles(values, n=100, method="inclusive")
        return cls(p50=round(cuts[49], 1), p99=round(cuts[98], 1))


class StackSummary(_Part):
    kind: str
    postgresql: str
    kafka: str


class CouponSummary(_Part):
    coupon_id: int
    stock: int
    requests: int
    accepted: int
    refused: int
    """Answered 409, sold out: not stored, and so not among the rejected."""
    issued: int
    rejected: Mapping[str, int]
    undecided: int
    oversold: int
    duplicate_issues: int
    order_violations: int
    click_to_decision_ms: Percentiles
    events_published: int
    redelivered: int
    """Records on the topic beyond one for each request: allowed, and without a second effect."""


class Effects(_Part):
    """Of how many orders each effect was seen where it takes effect."""

    alimtalk: int
    analytics: int
    monitoring: int


class AlimtalkSummary(_Part):
    """Of the run's orders."""

    by_provider: Mapping[str, int]
    """Messages that each provider has sent."""
    replies_lost: int
    """Messages that a provider sent, and whose reply it withheld."""
    delivered: int
    """Messages that the final result of their provider says were delivered."""
    by_webhook: int
    """Of these, those whose result came before it was asked for."""
    by_query: int
    """Of these, those whose result was asked for."""


class PaymentSummary(_Part):
    """Of the run's orders."""

    gateway: str | None
    """The one in the sandbox; None for order-service's own."""
    faults: Mapping[str, int]
    """By name, how often the gateway was made to fail."""
    unanswered: int
    """Orders with a payment whose outcome never reached their client: it left."""
    settled_by_worker: int
    """Of these, those that were paid without their client."""
    unsettled: int
    """Orders whose payment was not settled in time."""


class OrderSummary(_Part):
    source: str
    orders: int
    paid: int
    declined_first: int
    payments: PaymentSummary
    events_published: int
    redelivered: int
    effects: Effects
    alimtalk: AlimtalkSummary
    lost: int
    """Events and effects that are missing."""
    duplicated: int
    """Events and effects beyond one for each paid order; records that were only redelivered aside."""
    money: Mapping[str, Mapping[str, int]]
    """Minor units by source and currency."""
    payment_to_effects_ms: Percentiles


class Summary(_Part):
    ok: bool
    seed: int
    stack: StackSummary
    coupons: CouponSummary
    orders: OrderSummary
    problems: tuple[str, ...]
    """What does not add up, in words."""
    log_errors: int
    first_log_errors: tuple[str, ...]

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.model_dump_json(by_alias=True, indent=2) + "\n", encoding="utf-8")
