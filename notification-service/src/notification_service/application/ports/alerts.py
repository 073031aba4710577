"""The alerts on orders, and their receiver."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from notification_service.domain.alert import Alert, AlertNotice, ClaimedNotice
from notification_service.domain.alert_rule import OrderRule
from notification_service.domain.seen_orders import CountedHour, MatchedOrder


class Alerts(Protocol):
    """The alerts on what rules see, and what they see. Times are the database's."""

    def note_orders(
        self, rules: Sequence[OrderRule], event_ids: Collection[UUID], new_customers: Collection[int]
    ) -> None:
        """Store which of these events' orders the rules match, once their customers are counted.

        ``new_customers`` are those whom these orders made known: each has one first order, and an earlier one
        that arrives later isn't another.
        """
        ...

    def take_matches(
        self,
        rules: Collection[str],
        limit: int,
        but_for: Collection[str] = (),
        among: Collection[int] | None = None,
    ) -> Sequence[MatchedOrder]:
        """Remove at most ``limit`` stored matches of these rules, in their order.

        Without those of the alerts ``but_for``, by their keys; only those with the ids ``among`` if they are
        given. Skips what another transaction holds.
        """
        ...

    def now(self) -> datetime: ...

    def firing(self) -> Sequence[Alert]:
        """The alerts that have begun, as they are at the moment."""
        ...

    def lock(self, key: str, rule: str) -> Alert:
        """The alert, held until the transaction ends. To be called in the order of the keys."""
        ...

    def save(self, alert: Alert) -> None:
        """Store an alert that :meth:`lock` returned."""
        ...

    def last_hour(self, grace: timedelta) -> datetime | None:
        """The last hour that ended longer than ``grace`` ago; None while orders of it aren't counted."""
        ...

    def begin_judging(self, rule: str, hour: datetime) -> bool:
        """Whether nobody has judged this hour, or a later one, by the rule; nobody else does then."""
        ...

    def hour(self, starts_at: datetime, days: int) -> CountedHour:
        """An hour with its history: the same hour of those of so many days before that had orders."""
        ...


class AlertNotices(Protocol):
    """The notices that receivers have not got yet: leases that expire by the database's clock."""

    def add(self, notice: AlertNotice) -> None:
        """Store it, in place of the alert's repetitions that nobody has claimed."""
        ...

    def claim(self, limit: int, lease_seconds: float) -> Sequence[ClaimedNotice]:
        """Claim due notices, the oldest of each alert; concurrent claimants get different ones.

        One that can't be read is logged, and stays claimed until the lease ends.
        """
        ...

    def remove(self, claimed: ClaimedNotice) -> None:
        """The receiver has it, or never gets it. Nothing happens if another claimant has it by now."""
        ...

    def postpone(
        self, claimed: ClaimedNotice, delay_seconds: float, reason: str | None, *, was_attempted: bool
    ) -> None:
        """The next attempt is due after the delay, unless another claimant has it by now."""
        ...

    def oldest_seconds(self) -> float:
        """How long the oldest notice has waited; 0 if none does."""
        ...


AlertReceiver = Callable[[AlertNotice], None]
"""Sends a notice. Raises ReceiverUnavailable if it was not received, OutcomeUnknown if it may have been."""
