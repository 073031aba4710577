"""Deliveries that go together begin with the last one's slot, and none goes after its own time."""

import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import chain, repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notification_service.application.attempt_delivery import Ended
from notification_service.application.delivering.delivery_flow import DeliveryFlow
from notification_service.application.delivering.turns import Place, Together, Turn
from notification_service.application.ports import MaySend
from notification_service.domain.attempt import Delivered, Released
from notification_service.domain.delivery import ClaimedDelivery
from notification_service.domain.provider_call import Call, CallOutcome
from servicekit.lease_clock import lease_clock_seconds
from tests.support.notification_builders import a_delivery


@dataclass
class Calls:
    """Notes each call, and when it was allowed to send."""

    most: int = 10
    place_of: Callable[[ClaimedDelivery], Place | None] = lambda delivery: Place(
        "", str(delivery.delivery_id)
    )
    before: Callable[[], object] = lambda: None
    outcomes: Iterator[Call] = field(default_factory=lambda: repeat(Call(CallOutcome.ACCEPTED)))
    made: list[tuple[float, Sequence[ClaimedDelivery]]] = field(default_factory=list)

    def __call__(self, deliveries: Sequence[ClaimedDelivery], may_send: MaySend) -> Sequence[Ended]:
        self.before()
        if not may_send():
            return [Ended(Released(delivery)) for delivery in deliveries]
        self.made.append((lease_clock_seconds(), deliveries))
        # The others ended by the same call.
        ended = [Ended(Delivered(delivery)) for delivery in deliveries]
        return [replace(ended[0], call=next(self.outcomes)), *ended[1:]]

    def alone(self, delivery: ClaimedDelivery, may_send: MaySend) -> Ended:
        return self([delivery], may_send)[0]


def turns(*after_seconds: float) -> list[Turn]:
    now = lease_clock_seconds()
    return [Turn(a_delivery(), now + seconds, math.inf, lambda: True) for seconds in after_seconds]


def run_to_the_end(flow: DeliveryFlow) -> Counter[type]:
    ended: list[Ended] = []
    until = lease_clock_seconds() + 10
    while flow and lease_clock_seconds() < until:
        ended += flow.proceed(until)
    return Counter(type(one.outcome) for one in ended)


def flow_of(calls: Calls, pool: ThreadPoolExecutor, threads: int = 2) -> DeliveryFlow:
    return DeliveryFlow(pool, calls.alone, threads, Together(calls.most, calls.place_of, calls))


def test_a_batch_begins_with_the_slot_of_its_last() -> None:
    calls, waiting = Calls(), turns(0.1, 0.11, 0.115)

    with ThreadPoolExecutor(2) as pool:
        flow = flow_of(calls, pool)
        flow.add(waiting)
        assert run_to_the_end(flow) == {Delivered: 3}

    [(began, deliveries)] = calls.made
    assert deliveries == [turn.delivery for turn in waiting]
    assert began >= waiting[-1].at


def test_a_stop_while_a_batch_waits_gives_all_of_it_back() -> None:
    calls, waiting = Calls(), turns(0.0, 0.0)
    has_begun = threading.Event()

    def stand_still() -> None:
        # So that the release surely comes before the slot of the last.
        waiting[-1].at += 60.0
        has_begun.set()

    calls.before = stand_still
    with ThreadPoolExecutor(1) as pool:
        flow = flow_of(calls, pool)
        flow.add(waiting)
        assert has_begun.wait(10)
        flow.release()

        assert run_to_the_end(flow) == {Released: 2}
    assert calls.made == []


def test_what_is_late_or_has_spent_its_lease_leaves_the_batch() -> None:
    calls, (late, spent, due, other) = Calls(), turns(-1.0, 0.0, 0.0, 0.0)
    late.latest, spent.may_send = late.at + 0.05, lambda: False

    with ThreadPoolExecutor(1) as pool:
        flow = flow_of(calls, pool)
        flow.add([late, spent, due, other])
        ended: list[Ended] = []
        until = lease_clock_seconds() + 10
        while len(ended) < 3 and lease_clock_seconds() < until:
            ended += flow.proceed(until)

        assert list(flow.take_late()) == [late]
        assert not flow
    assert Counter(type(one.outcome) for one in ended) == {Released: 1, Delivered: 2}
    assert [deliveries for _, deliveries in calls.made] == [[due.delivery, other.delivery]]


def test_one_lease_that_ends_at_the_last_moment_keeps_the_batch_unsent() -> None:
    calls, waiting = Calls(), turns(0.0, 0.0)
    answers = iter([True])
    waiting[1].may_send = lambda: next(answers, False)

    with ThreadPoolExecutor(1) as pool:
        flow = flow_of(calls, pool)
        flow.add(waiting)
        assert run_to_the_end(flow) == {Released: 2}
    assert calls.made == []


@pytest.mark.parametrize("outcome", [CallOutcome.UNKNOWN, CallOutcome.UNAVAILABLE, CallOutcome.UNCLEAR])
def test_after_a_failed_call_all_go_singly_until_one_is_answered(outcome: CallOutcome) -> None:
    failed, asked = Call(outcome), Call(CallOutcome.ANSWERED, is_look_up=True)
    calls = Calls(most=3)
    calls.outcomes = chain([failed, failed, asked, Call(CallOutcome.THROTTLED)], calls.outcomes)

    with ThreadPoolExecutor(1) as pool:
        flow = flow_of(calls, pool, threads=1)
        flow.add(turns(*[0.0] * 10))
        assert run_to_the_end(flow) == {Delivered: 10}

    assert [len(deliveries) for _, deliveries in calls.made] == [3, 1, 1, 1, 1, 3]


def test_all_go_singly_while_the_provider_is_in_doubt_elsewhere() -> None:
    calls = Calls()

    with ThreadPoolExecutor(1) as pool:
        flow = flow_of(calls, pool, threads=1)
        flow.add(turns(*[0.0] * 3), singly=True)
        assert run_to_the_end(flow) == {Delivered: 3}
        # Turns that came late for their slots.
        flow.add(turns(0.0, 0.0))
        assert run_to_the_end(flow) == {Delivered: 2}
        flow.add(turns(0.0, 0.0), singly=False)
        assert run_to_the_end(flow) == {Delivered: 2}

    assert [len(deliveries) for _, deliveries in calls.made] == [1, 1, 1, 1, 1, 2]


def test_a_batch_that_hangs_holds_up_no_other() -> None:
    calls, release, first = Calls(most=2), threading.Event(), threading.Event()

    def hang_once() -> None:
        if not first.is_set():
            first.set()
            assert release.wait(10)

    calls.before = hang_once
    with ThreadPoolExecutor(2) as pool:
        flow = flow_of(calls, pool)
        flow.add(turns(*[0.0] * 6))
        ended: list[Ended] = []
        until = lease_clock_seconds() + 10
        while len(ended) < 4 and lease_clock_seconds() < until:
            ended += flow.proceed(until)
        assert len(ended) == 4
        release.set()
        assert run_to_the_end(flow) == {Delivered: 2}


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from("abc"), st.integers(0, 4)), min_size=1, max_size=30),
    st.integers(1, 5),
    st.integers(1, 4),
)
def test_whatever_waits_goes_once_and_not_before_its_slot(
    given_turns: list[tuple[bool, str, int]], most: int, threads: int
) -> None:
    """Alone or together, to one recipient or to others, milliseconds apart."""
    now, after = lease_clock_seconds(), 0
    places: dict[object, Place | None] = {}
    waiting = []
    for goes_alone, recipient, pause in given_turns:
        after += pause
        turn = Turn(a_delivery(), now + after / 1000, math.inf, lambda: True)
        places[turn.delivery.delivery_id] = None if goes_alone else Place("", recipient)
        waiting.append(turn)
    calls = Calls(most, lambda delivery: places[delivery.delivery_id])

    with ThreadPoolExecutor(threads) as pool:
        flow = flow_of(calls, pool, threads)
        flow.add(waiting)
        assert run_to_the_end(flow) == {Delivered: len(waiting)}

    slots = {turn.delivery.delivery_id: turn.at for turn in waiting}
    sent = Counter(delivery.delivery_id for _, batch in calls.made for delivery in batch)
    assert sent == dict.fromkeys(slots, 1)
    for began, batch in calls.made:
        assert len(batch) <= most
        assert all(began >= slots[delivery.delivery_id] for delivery in batch)
        assert len({places[delivery.delivery_id] for delivery in batch}) == len(batch)
