"""Which of two providers may take a message, and what each is asked before."""

from dataclasses import replace
from functools import partial

import pytest

from notification_service.application.delivering.failover import ReachOfFirst, ReachOfSecond
from notification_service.application.leave_to_first_provider import LeaveToFirstProvider
from notification_service.application.ports import MaySend
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.attempt import Receipt
from notification_service.domain.delivery import ClaimedDelivery
from notification_service.domain.errors import (
    DeliveryPostponed,
    DeliverySkipped,
    OutcomeUnknown,
    ReceiverUnavailable,
)
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.provider_state import ProviderState, ProviderStatus, in_use
from tests.support.notification_builders import WRITE_ALIMTALK, a_completed_order, a_delivery
from tests.support.provider_double import ProviderDouble

RUNNING, OPEN, SUSPENDED = ProviderStatus
state = partial(ProviderState, "solapi")


class KnownState:
    """A unit of work that knows one provider's state."""

    def __init__(self, state: ProviderState) -> None:
        self.providers = self
        self._state = state

    def get(self, name: str) -> ProviderState:
        assert name == self._state.name
        return self._state


def free_after(first: ProviderState) -> float | None:
    """How long the second provider leaves what is free, in this state of the first."""
    return ReachOfSecond("solapi")(KnownState(first)).free_after_seconds  # type: ignore[arg-type]


def test_the_second_takes_new_messages_only_while_the_first_is_down() -> None:
    assert free_after(state(RUNNING)) is None
    assert free_after(state(OPEN, probe_in_seconds=5.0)) == 0.0
    assert free_after(state(SUSPENDED, probe_in_seconds=5.0)) == 0.0


def test_a_probe_of_the_first_gets_its_message_before_the_second_does() -> None:
    assert (free_after(state(OPEN, probe_in_seconds=-3.0)) or 0.0) > 0.0


def test_neither_takes_what_is_bound_to_the_other() -> None:
    known = KnownState(state(RUNNING))
    first, second = ReachOfFirst("nhn")(known), ReachOfSecond("solapi")(known)  # type: ignore[arg-type]

    assert (set(first.others), first.is_stand_in) == ({"nhn"}, False)
    assert (set(second.others), second.is_stand_in) == ({"solapi"}, True)


@pytest.mark.parametrize(
    ("first", "second", "used"),
    [
        (RUNNING, RUNNING, "solapi"),
        (OPEN, RUNNING, "nhn"),
        (SUSPENDED, RUNNING, "nhn"),
        (RUNNING, OPEN, "solapi"),
        (OPEN, SUSPENDED, None),
    ],
)
def test_the_provider_in_use_is_the_first_that_runs(
    first: ProviderStatus, second: ProviderStatus, used: str | None
) -> None:
    former = ProviderState("aligo")
    states = [ProviderState("nhn", second, place=2), former, ProviderState("solapi", first, place=1)]

    found = in_use(states)

    assert (found and found.name) == used


@pytest.mark.parametrize(
    ("probe_in_seconds", "is_idle"), [(5.0, False), (-59.0, False), (-60.0, True), (None, False)]
)
def test_a_breaker_that_no_message_can_close_is_idle(probe_in_seconds: float | None, is_idle: bool) -> None:
    first = state(OPEN, probe_in_seconds=probe_in_seconds, place=1)
    second = ProviderState("nhn", place=2)

    assert first.is_idle is is_idle
    # The next message tries the first one.
    assert in_use([first, second]) is (first if is_idle else second)
    assert not replace(first, status=SUSPENDED).is_idle


class Pair:
    """The first provider's courier, beside another provider that may have the message."""

    def __init__(self, *, elsewhere: bool = False) -> None:
        self.here, self.there = ProviderDouble("solapi"), ProviderDouble("nhn")
        self.order = a_completed_order()
        if elsewhere:
            self.there.sent.append(str(self.order.event_id))
        self.courier = SendAlimtalk(self.here, 60.0, WRITE_ALIMTALK, [self.there])

    def delivery(
        self, *, may_be_elsewhere: bool = True, seconds_since_ordered: float = 61.0
    ) -> ClaimedDelivery:
        delivery = a_delivery(self.order, seconds_since_ordered=seconds_since_ordered)
        return replace(delivery, may_be_elsewhere=may_be_elsewhere)

    def attempt(self, delivery: ClaimedDelivery) -> Receipt:
        return self.courier(delivery, lambda: True)


def test_what_a_lost_attempt_sent_elsewhere_is_found_there() -> None:
    pair = Pair(elsewhere=True)

    receipt = pair.attempt(pair.delivery())

    assert (receipt.provider, receipt.reference, receipt.was_sent) == ("nhn", "m-1", False)
    assert pair.here.sent == []


def test_what_is_not_elsewhere_is_sent_here() -> None:
    pair = Pair()

    receipt = pair.attempt(pair.delivery())

    assert (receipt.provider, receipt.was_sent) == (None, True)
    assert pair.there.sent == []


@pytest.mark.parametrize("error", [OutcomeUnknown, ReceiverUnavailable])
def test_nothing_is_sent_while_the_other_does_not_say_what_it_has(
    error: type[OutcomeUnknown | ReceiverUnavailable], monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair()

    def fails(_message: object) -> str | None:
        raise error(FailureReason.NO_REPLY, "no reply")

    monkeypatch.setattr(pair.there, "find", fails)
    with pytest.raises(DeliveryPostponed):
        pair.attempt(pair.delivery())
    assert pair.here.sent == []


def test_the_other_is_asked_only_where_an_attempt_may_be_forgotten() -> None:
    for known in ({"may_be_elsewhere": False}, {"seconds_since_ordered": 59.0}):
        pair = Pair(elsewhere=True)
        assert pair.attempt(pair.delivery(**known)).was_sent


def test_what_only_the_first_can_send_is_postponed_by_the_second() -> None:
    def skips(delivery: ClaimedDelivery, may_send: MaySend = lambda: True) -> Receipt:
        raise DeliverySkipped(FailureReason.NOT_A_KOREAN_MOBILE_NUMBER)

    left = LeaveToFirstProvider(skips, skips)

    with pytest.raises(DeliveryPostponed):
        left.check(a_delivery())
    with pytest.raises(DeliveryPostponed):
        left(a_delivery(), lambda: True)
