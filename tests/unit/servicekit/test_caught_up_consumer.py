"""When a consumer knows that all records of its partitions are done."""

from servicekit.messaging.status import ConsumerStatus

PLACE = ("caught-up", 0)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def a_member(clock: Clock, end: int = 5) -> ConsumerStatus:
    """A member that has had one partition for long enough, all of it done."""
    status = ConsumerStatus("caught-up", clock=clock)
    status.settled({PLACE: (5, 5)})
    clock.now += 10
    status.settled({PLACE: (5, end)})
    return status


def test_a_member_without_partitions_knows_nothing() -> None:
    clock = Clock()
    status = ConsumerStatus("caught-up", clock=clock)
    clock.now += 60
    status.settled({})
    assert not status.is_caught_up(300)


def test_a_partition_just_assigned_may_have_more_than_is_known() -> None:
    clock = Clock()
    status = ConsumerStatus("caught-up", clock=clock)
    status.settled({PLACE: (5, 5)})
    assert not status.is_caught_up(300)
    clock.now += 10
    status.settled({PLACE: (5, 5)})
    assert status.is_caught_up(300)
    status.settled({PLACE: (5, 5), ("caught-up", 1): (0, 0)})
    assert not status.is_caught_up(300)


def test_a_member_that_lags_is_not_caught_up() -> None:
    clock = Clock()
    assert not a_member(clock, end=6).is_caught_up(300)


def test_records_that_have_just_come_do_not_count_yet() -> None:
    clock = Clock()
    status = a_member(clock)
    status.polled({PLACE: 5})
    status.settled({PLACE: (5, 900)})
    clock.now += 300
    assert status.is_caught_up(300)
    clock.now += 1
    assert not status.is_caught_up(300)


def test_nothing_is_known_while_kafka_does_not_answer() -> None:
    clock = Clock()
    status = a_member(clock)
    status.poll_failed("KafkaTimeoutError")
    clock.now += 301
    status.settled({PLACE: (5, 5)})
    assert not status.is_caught_up(300)
