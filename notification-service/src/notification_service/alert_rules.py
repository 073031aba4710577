"""The rules of alerts as data: a TOML file with a table for each."""

import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import iso4217
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from notification_service.domain.alert_rule import AlertRule, AlertTiming, OrderRule, RateRule, Severity
from notification_service.toml_files import InvalidToml, read_toml

SHIPPED = Path(__file__).with_name("alert_rules.toml")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")
# An hour that isn't judged, since counting lags, says nothing: the alert goes on until one is, for a day.
_RATE_RECOVERED_AFTER = timedelta(days=1)


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("a rule is called by up to 50 small letters, digits and underscores")
    return name


def _check_currency(code: str) -> str:
    try:
        iso4217.Currency(code)
    except ValueError:
        raise ValueError("must be a currency of ISO 4217") from None
    return code


_Name = Annotated[str, AfterValidator(_check_name)]
_Limits = dict[
    Annotated[str, AfterValidator(_check_currency)], Annotated[int, Field(strict=True, ge=0, lt=2**63)]
]
_Minutes = Annotated[int, Field(strict=True, ge=1, le=1_440)]


class _Rule(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)

    severity: Severity = Severity.WARNING
    quiet_minutes: _Minutes = 60


class _RuleOnOrders(_Rule):
    recovered_after_minutes: _Minutes = 240

    def rule_on_orders(self, name: str, limits: dict[str, int], *, first_order: bool) -> OrderRule:
        timing = AlertTiming(
            quiet=timedelta(minutes=self.quiet_minutes),
            recovered_after=timedelta(minutes=self.recovered_after_minutes),
        )
        return OrderRule(
            name=name, severity=self.severity, timing=timing, limits=limits, first_order=first_order
        )


class _AmountAbove(_RuleOnOrders):
    when: Literal["amount_above"]
    limits: Annotated[_Limits, Field(min_length=1)]

    def rule(self, name: str) -> AlertRule:
        return self.rule_on_orders(name, self.limits, first_order=False)


class _FirstOrder(_RuleOnOrders):
    when: Literal["first_order"]
    limits: _Limits = Field(default_factory=dict)

    def rule(self, name: str) -> AlertRule:
        return self.rule_on_orders(name, self.limits, first_order=True)


class _OrdersOutsideBand(_Rule):
    when: Literal["orders_outside_band"]
    days: Annotated[int, Field(strict=True, ge=2, le=366)] = 28
    least_days: Annotated[int, Field(strict=True, ge=2, le=366)] = 7
    tolerance: Annotated[float, Field(gt=0, le=100)] = 4.0

    def rule(self, name: str) -> AlertRule:
        timing = AlertTiming(
            quiet=timedelta(minutes=self.quiet_minutes), recovered_after=_RATE_RECOVERED_AFTER
        )
        return RateRule(
            name=name,
            severity=self.severity,
            timing=timing,
            days=self.days,
            least_days=min(self.least_days, self.days),
            tolerance=self.tolerance,
        )


_FILE: TypeAdapter[dict[str, _AmountAbove | _FirstOrder | _OrdersOutsideBand]] = TypeAdapter(
    dict[
        _Name,
        Annotated[_AmountAbove | _FirstOrder | _OrdersOutsideBand, Field(discriminator="when")],
    ]
)


def read_rules(file: Path = SHIPPED) -> Sequence[AlertRule]:
    """The rules in ``file``. Raises InvalidToml, with everything that is wrong with them."""
    rules = [part.rule(name) for name, part in read_toml(file, _FILE).items()]
    if not rules:
        raise InvalidToml(["it has no rule"])
    return rules
