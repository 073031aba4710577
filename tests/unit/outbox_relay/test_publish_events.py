"""The job that publishes, with a relay on ports that live in memory."""

from outbox_relay.protocol.errors import BrokerUnavailable, UnexpectedFailure
from outbox_relay.protocol.relay import Failed, Published, Relay
from outbox_relay.running.jobs.publish_events import PublishEvents
from outbox_relay.running.poll_interval import PollInterval
from outbox_relay.running.status import StatusBoard
from tests.support.relay.events import an_event
from tests.unit.outbox_relay.ports import MemoryDeadLetters, MemoryPublisher, MemorySource, of_shard

LETTERS = 20
INTERVAL_SECONDS = 0.01


def a_job(
    source: MemorySource, publisher: MemoryPublisher, dead_letters: MemoryDeadLetters | None = None
) -> tuple[PublishEvents, StatusBoard]:
    board = StatusBoard(["test"])
    relay = Relay(source, dead_letters or MemoryDeadLetters(), publisher)
    interval = PollInterval(INTERVAL_SECONDS, INTERVAL_SECONDS)
    return PublishEvents("test", relay, board, interval, publisher.abandon), board


def test_turn_says_what_was_published_and_when_to_poll_again() -> None:
    job, _ = a_job(MemorySource([an_event(1, key="key-0")]), MemoryPublisher())

    turn = job.run_once()

    assert turn.result == Published(1)
    assert turn.pause_seconds == INTERVAL_SECONDS


def test_pause_grows_with_failures_in_a_row_and_not_after_success() -> None:
    source, publisher = MemorySource([an_event(1, key="key-0")]), MemoryPublisher()
    publisher.fails_when_sent = {1: BrokerUnavailable("test")}
    job, board = a_job(source, publisher)

    pauses = [job.run_once().pause_seconds for _ in range(4)]
    error = board.get("test").publishing_error
    publisher.fails_when_sent = {}
    job.run_once()
    source.grow(an_event(2, key="key-0"))
    publisher.fails_when_sent = {2: BrokerUnavailable("test")}

    assert isinstance(error, BrokerUnavailable)
    assert pauses[0] <= 0.1
    assert 0.4 <= pauses[3] <= 0.8
    assert job.run_once().pause_seconds <= 0.1


def test_unexpected_error_is_reported_and_gives_up_what_was_sent() -> None:
    source, publisher = MemorySource([an_event(1, key="key-0")]), MemoryPublisher()

    def fail() -> None:
        raise ZeroDivisionError

    publisher.before_send = fail
    job, board = a_job(source, publisher)

    result = job.run_once().result

    assert isinstance(result, Failed)
    assert isinstance(result.error, UnexpectedFailure)
    assert board.get("test").publishing_error is result.error
    assert ("abandoned", []) in publisher.journal


def test_replays_that_are_refused_one_by_one_do_not_wait_for_each_other() -> None:
    source, letters = MemorySource([]), [of_shard(0, position) for position in range(1, LETTERS + 1)]
    publisher = MemoryPublisher(rejects=dict.fromkeys(range(1, LETTERS), "too_large"))
    dead_letters = MemoryDeadLetters(replaying=letters)
    job, _ = a_job(source, publisher, dead_letters)

    pauses = [job.run_once().pause_seconds for _ in range(LETTERS)]

    assert sorted(dead_letters.parked) == list(range(1, LETTERS))
    assert publisher.arrived() == [LETTERS]
    assert max(pauses) <= INTERVAL_SECONDS
