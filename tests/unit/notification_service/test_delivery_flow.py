"""Deliveries begin when their slot has come, and those that come too late are taken out."""

import math
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from notification_service.application.attempt_delivery import Ended
from notification_service.application.delivering.delivery_flow import DeliveryFlow
from notification_service.application.delivering.turns import Turn
from notification_service.application.ports import MaySend
from notification_service.domain.attempt import Delivered, Released
from notification_service.domain.delivery import ClaimedDelivery
from servicekit.lease_clock import lease_clock_seconds
from tests.support.notification_builders import a_delivery


def attempt(delivery: ClaimedDelivery, may_send: MaySend) -> Ended:
    return Ended(Delivered(delivery))


def turns(*after_seconds: float) -> list[Turn]:
    """Turns so long after now, which are never late."""
    now = lease_clock_seconds()
    return [Turn(a_delivery(), now + seconds, math.inf, lambda: True) for seconds in after_seconds]


def run_to_the_end(flow: DeliveryFlow) -> list[Ended]:
    ended: list[Ended] = []
    until = lease_clock_seconds() + 10
    while flow and lease_clock_seconds() < until:
        ended += flow.proceed(until)
    return ended


def test_turns_begin_in_their_slots() -> None:
    begun: list[float] = []

    def note(delivery: ClaimedDelivery, may_send: MaySend) -> Ended:
        begun.append(lease_clock_seconds())
        return attempt(delivery, may_send)

    given = turns(0.0, 0.1, 0.2)
    with ThreadPoolExecutor(3) as pool:
        flow = DeliveryFlow(pool, note)
        flow.add(given)
        ended = run_to_the_end(flow)

    assert len(ended) == 3
    assert all(at >= turn.at for at, turn in zip(sorted(begun), given, strict=True))


class CountingPool(ThreadPoolExecutor):
    submitted = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.submitted += 1
        return super().submit(fn, *args, **kwargs)


def test_a_thread_takes_many_turns_and_the_next_ones_get_another() -> None:
    with CountingPool(2) as pool:
        flow = DeliveryFlow(pool, attempt, most_threads=2)
        flow.add(turns(*[0.0] * 50))

        assert len(run_to_the_end(flow)) == 50
        assert pool.submitted == 2

        for _ in range(50):
            # Added while a thread may be about to end.
            flow.add(turns(0.0))
            assert len(run_to_the_end(flow)) == 1


def test_look_up_precedes_its_slot_and_the_sending_waits_for_it() -> None:
    begun: list[float] = []
    sent: list[float] = []

    def look_up_and_send(delivery: ClaimedDelivery, may_send: MaySend) -> Ended:
        begun.append(lease_clock_seconds())
        assert may_send()
        sent.append(lease_clock_seconds())
        return attempt(delivery, may_send)

    [fresh, old] = turns(0.2, 0.4)
    old.delivery = a_delivery(attempt=2)
    with ThreadPoolExecutor(2) as pool:
        flow = DeliveryFlow(pool, look_up_and_send)
        flow.add([fresh, old])
        run_to_the_end(flow)

    assert begun[0] >= fresh.at
    assert begun[1] < old.at <= sent[1]


def test_what_waits_for_its_slot_after_the_look_up_is_given_back() -> None:
    has_begun = threading.Event()
    [old] = turns(0.0)
    old.delivery = a_delivery(attempt=2)

    def look_up_and_send(delivery: ClaimedDelivery, may_send: MaySend) -> Ended:
        # So that the release surely comes before it.
        old.at += 60.0
        has_begun.set()
        return attempt(delivery, may_send) if may_send() else Ended(Released(delivery))

    with ThreadPoolExecutor(1) as pool:
        flow = DeliveryFlow(pool, look_up_and_send)
        flow.add([old])
        assert has_begun.wait(10)
        flow.release()
        ended = run_to_the_end(flow)

    assert [type(one.outcome) for one in ended] == [Released]


def test_what_waits_is_given_back_and_what_has_begun_ends() -> None:
    has_begun, release = threading.Event(), threading.Event()

    def wait(delivery: ClaimedDelivery, may_send: MaySend) -> Ended:
        has_begun.set()
        assert release.wait(10)
        return attempt(delivery, may_send)

    with ThreadPoolExecutor(2) as pool:
        flow = DeliveryFlow(pool, wait)
        flow.add(turns(0.0, 60.0, 60.0))
        assert has_begun.wait(10)

        flow.release()
        release.set()
        ended = run_to_the_end(flow)

    assert Counter(type(one.outcome) for one in ended) == {Released: 2, Delivered: 1}


def test_late_turns_are_taken_out_and_no_others() -> None:
    late, soon = turns(-30.0, -20.0), turns(0.0)
    for turn in late:
        turn.latest = turn.at + 10.0
    with ThreadPoolExecutor(1) as pool:
        flow = DeliveryFlow(pool, attempt)
        flow.add([*late, *soon])
        ended: list[Ended] = []
        until = lease_clock_seconds() + 10
        while not ended and lease_clock_seconds() < until:
            ended += flow.proceed(until)

        assert len(ended) == 1
        assert list(flow.take_late()) == late
        assert not flow


def test_a_thread_goes_on_while_another_one_is_held_up() -> None:
    release = threading.Event()
    done = [threading.Event() for _ in range(20)]
    given = turns(*[0.0] * 21)
    places = {turn.delivery.delivery_id: place for place, turn in enumerate(given)}

    def hold_the_first(delivery: ClaimedDelivery, may_send: MaySend) -> Ended:
        place = places[delivery.delivery_id]
        if place == 0:
            assert release.wait(10)
        else:
            done[place - 1].set()
        return attempt(delivery, may_send)

    with ThreadPoolExecutor(2) as pool:
        flow = DeliveryFlow(pool, hold_the_first)
        flow.add(given)
        assert all(each.wait(10) for each in done)
        release.set()

        assert len(run_to_the_end(flow)) == 21


def test_an_error_in_a_thread_reaches_the_caller() -> None:
    def fail(delivery: ClaimedDelivery, may_send: MaySend) -> Ended:
        raise IndexError("a bug")

    with ThreadPoolExecutor(1) as pool:
        flow = DeliveryFlow(pool, fail)
        flow.add(turns(0.0))

        with pytest.raises(IndexError, match="a bug"):
            run_to_the_end(flow)


def test_turns_begin_while_the_caller_is_busy() -> None:
    has_begun = threading.Event()

    def note(delivery: ClaimedDelivery, may_send: MaySend) -> Ended:
        has_begun.set()
        return attempt(delivery, may_send)

    with ThreadPoolExecutor(1) as pool:
        flow = DeliveryFlow(pool, note)
        flow.add(turns(0.05))

        assert has_begun.wait(10)
        assert len(flow) == 1
        assert len(run_to_the_end(flow)) == 1


def test_without_due_turns_it_waits_no_longer_than_asked() -> None:
    with ThreadPoolExecutor(1) as pool:
        flow = DeliveryFlow(pool, attempt)
        flow.add(turns(60.0))
        until = lease_clock_seconds() + 0.05

        assert flow.proceed(until) == []
        assert lease_clock_seconds() - until < 5
        flow.release()


def test_a_turn_whose_lease_is_spent_is_released_and_not_late() -> None:
    (spent,) = turns(-30.0)
    spent.latest, spent.may_send = spent.at, lambda: False
    with ThreadPoolExecutor(1) as pool:
        flow = DeliveryFlow(pool, attempt)
        flow.add([spent])

        assert [type(one.outcome) for one in run_to_the_end(flow)] == [Released]


def test_an_error_is_raised_behind_what_has_ended() -> None:
    has_begun = threading.Event()

    def fail_second(delivery: ClaimedDelivery, may_send: MaySend) -> Ended:
        if has_begun.is_set():
            raise LookupError("a bug")
        has_begun.set()
        return attempt(delivery, may_send)

    ended: list[Ended] = []

    def collect() -> None:
        while flow:
            ended.extend(flow.proceed(lease_clock_seconds() + 10))

    with ThreadPoolExecutor(1) as pool:
        flow = DeliveryFlow(pool, fail_second)
        flow.add(turns(0.0, 0.0))
        with pytest.raises(LookupError):
            collect()

    assert len(ended) == 1
