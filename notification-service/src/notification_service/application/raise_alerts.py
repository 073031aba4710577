"""Raising alerts: what rules have seen becomes at most one alert for each thing, and few notices of it."""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

import structlog

from notification_service.application.delivering.one_by_one import IsBug, all_or_each
from notification_service.application.ports import StopCheck, UnitOfWork, UnitOfWorkFactory, WorkDone
from notification_service.domain.alert import NoticeKind, Seen, notice_of
from notification_service.domain.alert_rule import AlertRule, OrderRule, RateRule
from notification_service.domain.seen_orders import MatchedOrder, seen_in_hour, seen_in_orders
from servicekit.identifiers import uuid7

_PAUSE_SECONDS = 2.0
_LEFT_SECONDS = 60.0
"""How long an alert at which its transaction met a bug is left alone."""
# Orders of an hour arrive a little after it, and are counted then.
_GRACE = timedelta(minutes=10)
_log = structlog.get_logger(__name__)


class RaiseAlerts:
    """Judges what was seen, for all processes together: one raises an alert, the others find it raised.

    A call is one transaction, so that no notice is lost or made twice. After a bug each alert has its own,
    and if that fails, each of its matches; what fails alone stays stored, and is tried again after a minute.
    What belongs to a rule that this process doesn't have is left as it is: another one, of another release,
    may have it.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        rules: Sequence[AlertRule],
        is_caught_up: Callable[[], bool],
        batch_size: int = 500,
        is_bug: IsBug = lambda _: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``is_caught_up`` says whether the orders of the last full hour are accepted, as far as is known."""
        self._unit_of_work = unit_of_work
        self._rules = {rule.name: rule for rule in rules}
        self._order_rules = {rule.name: rule for rule in rules if isinstance(rule, OrderRule)}
        self._rate_rules = {rule.name: rule for rule in rules if isinstance(rule, RateRule)}
        self._is_caught_up = is_caught_up
        self._batch_size = batch_size
        self._is_bug = is_bug
        self._clock = clock
        self._left_until: dict[str, float] = {}

    def __call__(self, stop: StopCheck) -> WorkDone:
        """Raises a bug's error once all others are done."""
        now = self._clock()
        self._left_until = {key: until for key, until in self._left_until.items() if until > now}
        matches: list[MatchedOrder] = []
        try:
            self._raise_all(matches)
        except Exception as error:
            if not self._is_bug(error):
                raise
            self._raise_each(matches)
        return WorkDone(len(matches), 0.0 if len(matches) == self._batch_size else _PAUSE_SECONDS)

    def _raise_all(self, taken: list[MatchedOrder]) -> None:
        """Puts the matches that it takes into ``taken`` before it looks at them."""
        left = self._left_until.keys()
        with self._unit_of_work() as unit_of_work:
            taken += unit_of_work.alerts.take_matches(self._order_rules, self._batch_size, left)
            seen = self._seen(taken)
            recovered = self._judge_hours(unit_of_work, self._rate_rules.keys() - left, seen)
            due = self._due(unit_of_work, left)
            # In the order of their keys, so that processes never deadlock.
            for key in sorted({*seen, *recovered, *due}):
                self._proceed(unit_of_work, key, seen.get(key), is_over=key in recovered)
            unit_of_work.commit()

    def _raise_each(self, matches: Sequence[MatchedOrder]) -> None:
        by_key = _by_key(matches)
        with self._unit_of_work() as unit_of_work:
            firing = {alert.key for alert in unit_of_work.alerts.firing() if alert.rule in self._rules}
        errors: list[Exception] = []
        for key in sorted({*by_key, *self._rate_rules, *firing} - self._left_until.keys()):
            if key in by_key:
                failed = [error for _, error in all_or_each(by_key[key], self._raise_matches, self._is_bug)]
            else:
                failed = [error for _, error in all_or_each([key], self._raise_one, self._is_bug)]
            if failed:
                self._left_until[key] = self._clock() + _LEFT_SECONDS
                errors.append(failed[0])
                # Without the error's message, which may quote the order.
                reason = type(failed[0]).__name__
                _log.error("alert_not_raised", alert=key, failed=len(failed), reason=reason)
        if errors:
            raise errors[0]

    def _raise_matches(self, matches: Sequence[MatchedOrder]) -> None:
        """Of one alert."""
        with self._unit_of_work() as unit_of_work:
            taken = unit_of_work.alerts.take_matches(
                self._order_rules, len(matches), among=[match.match_id for match in matches]
            )
            for key, seen in self._seen(taken).items():
                self._proceed(unit_of_work, key, seen, is_over=False)
            unit_of_work.commit()

    def _raise_one(self, keys: Sequence[str]) -> None:
        """What needs no matches: an hour's alert, or the end or the repetition of any."""
        (key,) = keys
        with self._unit_of_work() as unit_of_work:
            seen: dict[str, Seen] = {}
            recovered = self._judge_hours(unit_of_work, self._rate_rules.keys() & {key}, seen)
            self._proceed(unit_of_work, key, seen.get(key), is_over=key in recovered)
            unit_of_work.commit()

    def _seen(self, matches: Sequence[MatchedOrder]) -> dict[str, Seen]:
        return {
            key: seen_in_orders(self._order_rules[_rule_of(key)], matched)
            for key, matched in _by_key(matches).items()
        }

    def _due(self, unit_of_work: UnitOfWork, left: Collection[str]) -> set[str]:
        """Alerts that may be repeated or over by now; read without their locks, since most are neither."""
        now = unit_of_work.alerts.now()
        return {
            alert.key
            for alert in unit_of_work.alerts.firing()
            if alert.key not in left
            and (rule := self._rules.get(alert.rule))
            and alert.due_notice(rule.timing, now)
        }

    def _judge_hours(
        self, unit_of_work: UnitOfWork, names: Collection[str], seen: dict[str, Seen]
    ) -> set[str]:
        """Add to ``seen`` what is unusual about the last hour; returns the alerts that it ends."""
        starts_at = unit_of_work.alerts.last_hour(_GRACE) if names and self._is_caught_up() else None
        if starts_at is None:
            return set()
        recovered = set()
        zone = ZoneInfo(unit_of_work.analytics.time_zone())
        for rule in (self._rate_rules[name] for name in sorted(names)):
            if not unit_of_work.alerts.begin_judging(rule.name, starts_at):
                continue
            hour = unit_of_work.alerts.hour(starts_at.astimezone(zone), rule.days)
            unusual = seen_in_hour(rule, hour)
            if unusual is None:
                recovered.add(rule.name)
            else:
                seen[rule.name] = unusual
        return recovered

    def _proceed(self, unit_of_work: UnitOfWork, key: str, seen: Seen | None, *, is_over: bool) -> None:
        rule = self._rules[_rule_of(key)]
        alert = unit_of_work.alerts.lock(key, rule.name)
        now = unit_of_work.alerts.now()
        changed = alert if seen is None else alert.after(seen, now)
        kind = NoticeKind.RESOLVED if is_over and changed.began_at else changed.due_notice(rule.timing, now)
        if kind is not None:
            unit_of_work.alert_notices.add(notice_of(changed, kind, rule.severity, now, uuid7()))
            changed = changed.noticed(kind, now)
        if changed != alert:
            unit_of_work.alerts.save(changed)


def _by_key(matches: Sequence[MatchedOrder]) -> dict[str, list[MatchedOrder]]:
    by_key: defaultdict[str, list[MatchedOrder]] = defaultdict(list)
    for match in matches:
        by_key[match.alert_key].append(match)
    return by_key


def _rule_of(key: str) -> str:
    return key.partition(":")[0]
