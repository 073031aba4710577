"""Raising alerts: what rules have seen becomes at most one alert for each thing, and few notices of it."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from notification_service.application.ports import StopCheck, UnitOfWork, UnitOfWorkFactory, WorkDone
from notification_service.domain.alert import NoticeKind, Seen, notice_of
from notification_service.domain.alert_rule import AlertRule, OrderRule, RateRule
from notification_service.domain.seen_orders import MatchedOrder, seen_in_hour, seen_in_orders
from servicekit.identifiers import uuid7

_PAUSE_SECONDS = 2.0
# Orders of an hour arrive a little after it, and are counted then.
_GRACE = timedelta(minutes=10)


class RaiseAlerts:
    """Judges what was seen, for all processes together: one raises an alert, the others find it raised.

    A call is one transaction, so that no notice is lost or made twice. What belongs to a rule that this
    process doesn't have is left as it is: another one, of another release, may have it.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        rules: Sequence[AlertRule],
        is_caught_up: Callable[[], bool],
        batch_size: int = 500,
    ) -> None:
        """``is_caught_up`` says whether the orders of the last full hour are accepted, as far as is known."""
        self._unit_of_work = unit_of_work
        self._rules = {rule.name: rule for rule in rules}
        self._order_rules = {rule.name: rule for rule in rules if isinstance(rule, OrderRule)}
        self._is_caught_up = is_caught_up
        self._batch_size = batch_size

    def __call__(self, stop: StopCheck) -> WorkDone:
        with self._unit_of_work() as unit_of_work:
            matches = unit_of_work.alerts.take_matches(self._order_rules, self._batch_size)
            seen = self._seen(matches)
            recovered = self._judge_hours(unit_of_work, seen)
            # In the order of their keys, so that processes never deadlock.
            for key in sorted({*seen, *recovered, *self._due(unit_of_work)}):
                rule = self._rules[_rule_of(key)]
                self._proceed(unit_of_work, key, rule, seen.get(key), is_over=key in recovered)
            unit_of_work.commit()
        return WorkDone(len(matches), 0.0 if len(matches) == self._batch_size else _PAUSE_SECONDS)

    def _seen(self, matches: Sequence[MatchedOrder]) -> dict[str, Seen]:
        by_key: defaultdict[str, list[MatchedOrder]] = defaultdict(list)
        for match in matches:
            by_key[match.alert_key].append(match)
        return {
            key: seen_in_orders(self._order_rules[_rule_of(key)], matched) for key, matched in by_key.items()
        }

    def _due(self, unit_of_work: UnitOfWork) -> set[str]:
        """Alerts that may be repeated or over by now; read without their locks, since most are neither."""
        now = unit_of_work.alerts.now()
        return {
            alert.key
            for alert in unit_of_work.alerts.firing()
            if (rule := self._rules.get(alert.rule)) and alert.due_notice(rule.timing, now)
        }

    def _judge_hours(self, unit_of_work: UnitOfWork, seen: dict[str, Seen]) -> set[str]:
        """Add to ``seen`` what is unusual about the last hour; returns the alerts that it ends."""
        rules = [rule for rule in self._rules.values() if isinstance(rule, RateRule)]
        starts_at = unit_of_work.alerts.last_hour(_GRACE) if rules and self._is_caught_up() else None
        if starts_at is None:
            return set()
        recovered = set()
        zone = ZoneInfo(unit_of_work.analytics.time_zone())
        for rule in sorted(rules, key=lambda rule: rule.name):
            if not unit_of_work.alerts.begin_judging(rule.name, starts_at):
                continue
            hour = unit_of_work.alerts.hour(starts_at.astimezone(zone), rule.days)
            unusual = seen_in_hour(rule, hour)
            if unusual is None:
                recovered.add(rule.name)
            else:
                seen[rule.name] = unusual
        return recovered

    def _proceed(
        self, unit_of_work: UnitOfWork, key: str, rule: AlertRule, seen: Seen | None, *, is_over: bool
    ) -> None:
        alert = unit_of_work.alerts.lock(key, rule.name)
        now = unit_of_work.alerts.now()
        changed = alert if seen is None else alert.after(seen, now)
        kind = NoticeKind.RESOLVED if is_over and changed.began_at else changed.due_notice(rule.timing, now)
        if kind is not None:
            unit_of_work.alert_notices.add(notice_of(changed, kind, rule.severity, now, uuid7()))
            changed = changed.noticed(kind, now)
        if changed != alert:
            unit_of_work.alerts.save(changed)


def _rule_of(key: str) -> str:
    return key.partition(":")[0]
