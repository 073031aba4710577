"""Replaying and discarding, with a relay that steps when the test says so."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypedDict
from uuid import UUID, uuid4

import pytest

from outbox_relay.postgresql.database import SourceDatabase, operator_engine
from outbox_relay.postgresql.dead_letter_operations import (
    STATE_FILTERS,
    DeadLetterIsClosed,
    DeadLetterIsReplaying,
    DeadLetterNotFound,
    DeadLetterOperations,
    Selection,
)
from outbox_relay.protocol.relay import Failed, Published
from tests.support.relay.arrivals import read_all
from tests.support.relay.outbox import Outbox, an_outbox
from tests.support.relay.stepping_relay import SteppingRelay, a_stepping_relay
from tests.support.relay.topic_options import set_topic_option
from tests.support.waiting import wait_until


class _Account(TypedDict):
    by: str
    reason: str


WHO: _Account = {"by": "kim", "reason": "ticket 7"}
PARKED, REPLAYING, REPLAYED, DISCARDED = "PARKED", "REPLAYING", "REPLAYED", "DISCARDED"


@pytest.fixture
def operations(outbox: Outbox) -> Iterator[DeadLetterOperations]:
    with operations_on(outbox) as operations:
        yield operations


@contextmanager
def operations_on(outbox: Outbox) -> Iterator[DeadLetterOperations]:
    engine = operator_engine(SourceDatabase(outbox.relay_url))
    yield DeadLetterOperations("test", engine)
    engine.dispose()


@pytest.fixture
def limit(outbox: Outbox, kafka_bootstrap_servers: str) -> Callable[[int], None]:
    """Sets how many bytes a record may have."""

    def set_limit(size: int) -> None:
        set_topic_option(kafka_bootstrap_servers, outbox.topic, "max.message.bytes", str(size))

    set_limit(20_000)
    return set_limit


def append(outbox: Outbox, key: str, number: int, *, too_large: bool = False) -> UUID:
    with outbox.transaction() as transaction:
        filling = "x" * (30_000 if too_large else 10)
        return transaction.append(key, number, {"number": number, "filling": filling})


def states(outbox: Outbox) -> dict[int, str]:
    return {number: state for number, (state, _) in sorted(outbox.dead_letters().items())}


def test_replay_keeps_the_order_of_its_key_whatever_arrives_meanwhile(
    outbox: Outbox,
    relay: SteppingRelay,
    operations: DeadLetterOperations,
    limit: Callable[[int], None],
    kafka_bootstrap_servers: str,
) -> None:
    poison = append(outbox, "a", 0, too_large=True)
    for number in range(1, 5):
        append(outbox, "a" if number % 2 == 0 else "b", number)
    relay.drain_parking()
    append(outbox, "a", 5)
    relay.drain()
    assert states(outbox) == dict.fromkeys((0, 2, 4, 5), PARKED)
    limit(200_000)

    append(outbox, "a", 6)
    assert operations.replay(Selection(topic=outbox.topic, key="a"), **WHO).replaying == 4
    append(outbox, "a", 7)
    relay.drain()
    assert states(outbox) == dict.fromkeys((0, 2, 4, 5, 6, 7), REPLAYING)
    append(outbox, "a", 8)
    assert relay.replay() == 6
    append(outbox, "a", 9)
    relay.drain()

    assert read_all(kafka_bootstrap_servers, outbox.topic, 10) == {"a": [0, 2, 4, *range(5, 10)], "b": [1, 3]}
    assert set(states(outbox).values()) == {REPLAYED}
    letter, _ = operations.show(poison)
    assert (letter.changed_by, letter.change_reason) == ("kim", "ticket 7")


def test_replay_waits_until_what_was_read_before_it_is_published(
    outbox: Outbox, operations: DeadLetterOperations, kafka_bootstrap_servers: str
) -> None:
    for number in range(2):
        append(outbox, "a", number)
    poison = append(outbox, "a", 2, too_large=True)
    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers, event_max_bytes=20_000) as relay:
        # It is found out before anything of the page is sent.
        assert isinstance(relay.step(), Failed)
    operations.replay(Selection(event_ids=(poison,)), **WHO)

    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers, 1, pages_per_turn=1) as successor:
        for _ in range(2):
            assert successor.step() == Published(1, more=True)
            assert successor.replay() == 0
        successor.drain()
        assert successor.replay() == 1

    assert read_all(kafka_bootstrap_servers, outbox.topic, 3) == {"a": [0, 1, 2]}


def test_replay_of_an_event_takes_earlier_parked_ones_and_no_later_ones(
    outbox: Outbox,
    relay: SteppingRelay,
    operations: DeadLetterOperations,
    limit: Callable[[int], None],
    kafka_bootstrap_servers: str,
) -> None:
    ids = [append(outbox, "a", number, too_large=number == 0) for number in range(4)]
    append(outbox, "other", 9, too_large=True)
    relay.drain_parking()
    limit(200_000)

    replayed = operations.replay(Selection(event_ids=(ids[2],)), **WHO)

    assert replayed.event_ids == tuple(str(event_id) for event_id in ids[:3])
    assert relay.replay() == 3
    assert states(outbox) == {0: REPLAYED, 1: REPLAYED, 2: REPLAYED, 3: PARKED, 9: PARKED}
    assert read_all(kafka_bootstrap_servers, outbox.topic, 3) == {"a": [0, 1, 2]}
    assert operations.replay(Selection(), **WHO).replaying == 2


@pytest.mark.parametrize("retention_has_dropped_the_originals", [False, True])
def test_replay_that_is_refused_again_is_parked_again_and_the_rest_waits(
    outbox: Outbox,
    relay: SteppingRelay,
    operations: DeadLetterOperations,
    limit: Callable[[int], None],
    kafka_bootstrap_servers: str,
    retention_has_dropped_the_originals: bool,
) -> None:
    poison = append(outbox, "a", 0, too_large=True)
    for number in range(1, 4):
        append(outbox, "a", number)
    append(outbox, "b", 4, too_large=True)
    relay.drain_parking()
    if retention_has_dropped_the_originals:
        outbox.run("DELETE FROM outbox")

    operations.replay(Selection(topic=outbox.topic, key="a"), **WHO)
    append(outbox, "a", 5)
    relay.drain()
    replay_into_failure(relay, "too_large")

    assert states(outbox) == dict.fromkeys(range(6), PARKED)
    letter, _ = operations.show(poison)
    assert (letter.attempts, letter.kind) == (2, "too_large")
    append(outbox, "a", 6)
    relay.drain()
    assert relay.replay() == 0

    limit(200_000)
    operations.replay(Selection(topic=outbox.topic, key="a"), **WHO)
    assert relay.replay() == 6
    assert read_all(kafka_bootstrap_servers, outbox.topic, 6) == {"a": [0, 1, 2, 3, 5, 6]}


def test_discarding_leaves_followers_parked_unless_they_are_replayed(
    outbox: Outbox,
    relay: SteppingRelay,
    operations: DeadLetterOperations,
    limit: Callable[[int], None],
    kafka_bootstrap_servers: str,
) -> None:
    poisons = {key: append(outbox, key, 0, too_large=True) for key in ("a", "b")}
    for number in range(1, 3):
        append(outbox, "a", number)
        append(outbox, "b", number + 10)
    relay.drain_parking()

    left = operations.discard(Selection(event_ids=(poisons["a"],)), **WHO)
    rest = operations.discard(Selection(event_ids=(poisons["b"],)), **WHO, replay_rest=True)

    assert (left.discarded, left.replaying, left.still_parked) == (1, 0, 2)
    assert (rest.discarded, rest.replaying, rest.still_parked) == (1, 2, 0)
    assert relay.replay() == 2
    append(outbox, "a", 3)
    append(outbox, "b", 13)
    relay.drain()
    assert read_all(kafka_bootstrap_servers, outbox.topic, 3) == {"b": [11, 12, 13]}
    assert states(outbox) == {0: DISCARDED, 1: PARKED, 2: PARKED, 3: PARKED, 11: REPLAYED, 12: REPLAYED}

    operations.replay(Selection(topic=outbox.topic, key="a"), **WHO)
    relay.replay()
    assert read_all(kafka_bootstrap_servers, outbox.topic, 6)["a"] == [1, 2, 3]


def test_discarding_by_kind_gives_up_the_refused_and_replays_the_rest(
    outbox: Outbox,
    relay: SteppingRelay,
    operations: DeadLetterOperations,
    limit: Callable[[int], None],
    kafka_bootstrap_servers: str,
) -> None:
    for key in range(3):
        for number in range(4):
            append(outbox, f"key-{key}", 10 * key + number, too_large=number == 1)
    relay.drain_parking()

    discarded = operations.discard(Selection(kind="too_large"), **WHO, replay_rest=True)

    assert (discarded.discarded, discarded.replaying) == (3, 6)
    relay.replay()
    assert read_all(kafka_bootstrap_servers, outbox.topic, 9) == {
        f"key-{key}": [10 * key + number for number in (0, 2, 3)] for key in range(3)
    }


def test_what_is_being_replayed_or_closed_or_unknown_is_not_discarded(
    outbox: Outbox,
    relay: SteppingRelay,
    operations: DeadLetterOperations,
    limit: Callable[[int], None],
) -> None:
    first = append(outbox, "a", 0, too_large=True)
    second = append(outbox, "a", 1)
    relay.drain_parking()
    operations.replay(Selection(event_ids=(first,)), **WHO)

    for selection in (Selection(event_ids=(second, first)), Selection(topic=outbox.topic, key="a")):
        with pytest.raises(DeadLetterIsReplaying, match=str(first)):
            operations.discard(selection, **WHO)
    with pytest.raises(DeadLetterIsReplaying):
        operations.replay(Selection(event_ids=(first,)), **WHO)
    assert states(outbox) == {0: REPLAYING, 1: PARKED}

    replay_into_failure(relay, "too_large")
    operations.discard(Selection(event_ids=(first,)), **WHO)
    for change in (operations.discard, operations.replay):
        with pytest.raises(DeadLetterIsClosed, match="DISCARDED"):
            change(Selection(event_ids=(first,)), **WHO)
        with pytest.raises(DeadLetterNotFound):
            change(Selection(event_ids=(uuid4(),)), **WHO)
    assert operations.discard(Selection(topic="another"), **WHO).discarded == 0


def test_dead_letters_are_found_by_state_topic_and_key_and_in_pages(
    outbox: Outbox,
    relay: SteppingRelay,
    operations: DeadLetterOperations,
    limit: Callable[[int], None],
) -> None:
    ids = [append(outbox, f"key-{number % 2}", number, too_large=number < 2) for number in range(6)]
    relay.drain_parking()
    operations.discard(Selection(event_ids=(ids[5],)), **WHO)

    def found(*states: str, **filters: object) -> list[str]:
        wanted = STATE_FILTERS[states[0]] if states else STATE_FILTERS["OPEN"]
        return [letter.event_id for letter in operations.find(wanted, **filters)]  # type: ignore[arg-type]

    everything = [str(event_id) for event_id in ids]
    assert found() == everything[:5]
    assert found("ANY") == everything
    assert found("DISCARDED") == everything[5:]
    assert found(topic=outbox.topic, key="key-1") == [everything[1], everything[3]]
    assert found(topic="another") == []
    page = operations.find(limit=2)
    assert [letter.event_id for letter in page] == everything[:2]
    assert found(after=page[-1].position, limit=2) == everything[2:4]


def test_event_discarded_before_the_cursor_passed_it_is_not_sent_later(
    outbox: Outbox,
    operations: DeadLetterOperations,
    limit: Callable[[int], None],
    kafka_bootstrap_servers: str,
) -> None:
    poison = append(outbox, "a", 0, too_large=True)
    append(outbox, "a", 1)
    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers) as crashed:
        while not outbox.dead_letters():
            assert isinstance(crashed.step(), Failed)
    # Neither its follower is parked nor has the cursor moved: the relay died right after it had parked.
    assert states(outbox) == {0: PARKED}
    operations.discard(Selection(event_ids=(poison,)), **WHO)
    limit(200_000)

    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers) as successor:
        assert successor.drain() == 2

    assert states(outbox) == {0: DISCARDED}
    assert read_all(kafka_bootstrap_servers, outbox.topic, 1) == {"a": [1]}


def test_relay_killed_between_parking_and_cursor_parks_nothing_twice(
    outbox: Outbox,
    operations: DeadLetterOperations,
    limit: Callable[[int], None],
    kafka_bootstrap_servers: str,
) -> None:
    append(outbox, "a", 0)
    poison = append(outbox, "a", 1, too_large=True)
    append(outbox, "a", 2)
    append(outbox, "b", 3)
    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers) as crashed:
        while not outbox.dead_letters():
            assert isinstance(crashed.step(), Failed)

    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers) as successor:
        assert successor.drain_parking() == []

    assert states(outbox) == {1: PARKED, 2: PARKED}
    assert operations.show(poison)[0].attempts == 1
    assert read_all(kafka_bootstrap_servers, outbox.topic, 2) == {"a": [0], "b": [3]}


def test_shard_that_moves_to_another_relay_still_holds_its_keys_back(
    database_url: str, topic: str, kafka_bootstrap_servers: str
) -> None:
    set_topic_option(kafka_bootstrap_servers, topic, "max.message.bytes", "20000")
    keys = [f"key-{number}" for number in range(8)]
    with (
        an_outbox(database_url, topic, shards=2) as outbox,
        a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers) as first,
        a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers, leads=False) as second,
    ):
        # Twice each: a relay with too many shards stops using one with one beat and frees it with the next.
        wait_until(lambda: share(first, second) == [1, 1], "each relay to lead a shard")
        for key in keys:
            append(outbox, key, 0)
        for relay in (first, second):
            relay.drain()
        for key in keys:
            append(outbox, key, 1, too_large=True)
        first.drain_parking()
        own = {key for key, _ in outbox.run("SELECT aggregateid, 0 FROM outbox_dead_letter")}
        assert 0 < len(own) < len(keys)
        outbox.run("DELETE FROM outbox WHERE length(CAST(payload AS text)) > 20000")

        first.leadership.resign()
        wait_until(lambda: share(first, second, beating=(second,)) == [0, 2], "the other one to lead both")
        for key in keys:
            append(outbox, key, 2)
        second.drain()

        assert read_all(kafka_bootstrap_servers, topic, 16 - len(own)) == {
            key: [0] if key in own else [0, 2] for key in keys
        }


@pytest.mark.parametrize("replay_rest", [False, True])
def test_event_read_during_an_operators_change_of_its_key_is_not_stuck(
    outbox: Outbox,
    relay: SteppingRelay,
    operations: DeadLetterOperations,
    limit: Callable[[int], None],
    kafka_bootstrap_servers: str,
    replay_rest: bool,
) -> None:
    poison = append(outbox, "a", 0, too_large=True)
    if replay_rest:
        append(outbox, "a", 1)
    relay.drain_parking()
    append(outbox, "a", 2)

    with outbox.open_transaction() as hindrance:
        # The operator's change has begun and can't end; then the relay reads the follower.
        hindrance.run("SELECT FROM outbox_dead_letter WHERE id = :id FOR UPDATE", id=poison)
        operator = in_background(
            lambda: operations.discard(Selection(event_ids=(poison,)), **WHO, replay_rest=replay_rest)
        )
        wait_until(lambda: waiting(outbox) == 1, "the operator to wait")
        relay.leadership.beat()
        steps: list[object] = []
        stepping = in_background(lambda: steps.append(relay.step()))
        wait_until(lambda: waiting(outbox) == 2, "the relay to wait")
        hindrance.commit()
        operator.join(30)
        stepping.join(30)

    assert steps == [Published(1)]
    relay.replay()
    assert read_all(kafka_bootstrap_servers, outbox.topic, 1 + replay_rest) == {
        "a": [1, 2] if replay_rest else [2]
    }
    assert PARKED not in states(outbox).values()


def replay_into_failure(relay: SteppingRelay, kind: str) -> None:
    """Replay until Kafka refuses what it refused before."""
    for _ in range(20):
        relay.leadership.beat()
        result = relay.relay.replay_once()
        assert isinstance(result, Failed)
        if result.error.kind == kind:
            return
        assert result.error.kind == "batch_refused"
    pytest.fail(f"nothing was refused as {kind}")


def share(*relays: SteppingRelay, beating: tuple[SteppingRelay, ...] | None = None) -> list[int]:
    """How many shards each leads after a beat and a step of each."""
    for relay in relays if beating is None else beating:
        relay.leadership.beat()
        relay.step()
    return [len(relay.leadership.leases()) for relay in relays]


def waiting(outbox: Outbox) -> int:
    """How many sessions wait for a lock."""
    ((count,),) = outbox.run(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return int(count)


def in_background(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread
