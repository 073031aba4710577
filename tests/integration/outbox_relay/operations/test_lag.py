"""How the lag of each shard is measured."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from outbox_relay.postgresql.database import SourceDatabase, maintenance_engine
from outbox_relay.postgresql.lag import LAG_CAP, ShardLag, measure
from outbox_relay.protocol.errors import CursorMissing
from outbox_relay.protocol.relay import Published
from tests.support.relay.outbox import Outbox, an_outbox
from tests.support.relay.stepping_relay import a_stepping_relay

SHARDS = 4


@pytest.fixture
def sharded_outbox(database_url: str, topic: str) -> Iterator[Outbox]:
    with an_outbox(database_url, topic, SHARDS) as outbox:
        yield outbox


@pytest.fixture
def engine(sharded_outbox: Outbox) -> Iterator[Engine]:
    engine = maintenance_engine(SourceDatabase(sharded_outbox.relay_url))
    yield engine
    engine.dispose()


def shard_of(outbox: Outbox, key: str) -> int:
    """As PostgreSQL computes it."""
    ((shard,),) = outbox.run(
        'SELECT mod(hashtextextended(:key COLLATE "C", 0) & 2147483647, :shards)', key=key, shards=SHARDS
    )
    return int(shard)


def waiting(engine: Engine) -> list[int]:
    return [shard.events for shard in measure(engine).shards]


def of_key(engine: Engine, outbox: Outbox, key: str) -> ShardLag:
    return measure(engine).shards[shard_of(outbox, key)]


def test_nothing_waits_in_an_empty_outbox(engine: Engine) -> None:
    lag = measure(engine)

    assert [shard.shard for shard in lag.shards] == list(range(SHARDS))
    assert [(shard.events, shard.is_estimate, shard.seconds) for shard in lag.shards] == [(0, False, 0.0)] * 4
    assert lag.oldest_partition == "outbox_p1"
    assert lag.oldest_event_seconds == 0.0


def test_waiting_events_are_counted_in_their_shards(sharded_outbox: Outbox, engine: Engine) -> None:
    sharded_outbox.append_many(40, keys=1)
    sharded_outbox.append_many(90, keys=9)

    expected = [0] * SHARDS
    for number in range(40 + 90):
        key = "key-0" if number < 40 else f"key-{(number - 40) % 9}"
        expected[shard_of(sharded_outbox, key)] += 1
    assert waiting(engine) == expected
    assert not any(shard.is_estimate for shard in measure(engine).shards)


def test_age_is_that_of_the_oldest_event_that_waits_in_the_shard(
    sharded_outbox: Outbox, engine: Engine
) -> None:
    sharded_outbox.append_many(2, keys=1)
    sharded_outbox.run("UPDATE outbox SET created_at = created_at - interval '1 hour' WHERE position = 1")

    lag = measure(engine)

    seconds = [shard.seconds for shard in lag.shards]
    assert 3600 <= seconds.pop(shard_of(sharded_outbox, "key-0")) < 3660
    assert seconds == [0.0] * 3
    assert 3600 <= lag.oldest_event_seconds < 3660


def test_lag_beyond_the_cap_is_estimated_for_each_shard(sharded_outbox: Outbox, engine: Engine) -> None:
    sharded_outbox.run(
        "INSERT INTO outbox (id, topic, aggregatetype, aggregateid, type, source, payload)"
        " SELECT gen_random_uuid(), 'topic', 'test', 'hot', 'Tested', '/test', '{}'"
        " FROM generate_series(1, :count)",
        count=3 * LAG_CAP,
    )

    lag = measure(engine)

    hot = shard_of(sharded_outbox, "hot")
    assert abs(lag.shards[hot].events - 3 * LAG_CAP) <= 1
    assert all(shard.is_estimate for shard in lag.shards)
    assert all(shard.events == 0 for shard in lag.shards if shard.shard != hot)


def test_what_is_left_out_between_two_zones_is_not_estimated(sharded_outbox: Outbox, engine: Engine) -> None:
    sharded_outbox.run(
        "SELECT setval('outbox_position_seq', max(upper_position)) FROM outbox_partition_bounds()"
    )
    for _ in range(2):
        sharded_outbox.run(
            "INSERT INTO outbox (id, topic, aggregatetype, aggregateid, type, source, payload)"
            " SELECT gen_random_uuid(), 'topic', 'test', 'hot', 'Tested', '/test', '{}'"
            " FROM generate_series(1, :count)",
            count=2 * LAG_CAP,
        )
        for _ in range(2):
            sharded_outbox.run("SELECT outbox_add_partitions(1000000, 2, '1 day')")
    assert sharded_outbox.run("SELECT count(*) FROM outbox_default1") == [(2 * LAG_CAP,)]

    assert abs(of_key(engine, sharded_outbox, "hot").events - 4 * LAG_CAP) <= 2


def test_a_transaction_that_commits_late_counts(sharded_outbox: Outbox, engine: Engine) -> None:
    with sharded_outbox.open_transaction() as late:
        late.append("late")
        sharded_outbox.append("early")
        before = of_key(engine, sharded_outbox, "late").events
        late.commit()

        assert of_key(engine, sharded_outbox, "late").events == before + 1


def test_inside_of_a_window_its_rest_and_newer_events_are_counted(
    sharded_outbox: Outbox, engine: Engine, kafka_bootstrap_servers: str
) -> None:
    with sharded_outbox.open_transaction() as late:
        late.append("key-0")
        sharded_outbox.append_many(25, keys=1)
        with a_stepping_relay(
            sharded_outbox.relay_url, kafka_bootstrap_servers, page_events=10, pages_per_turn=1
        ) as relay:
            assert relay.step() == Published(10, more=True)
            assert of_key(engine, sharded_outbox, "key-0").events == 15
            late.commit()
            sharded_outbox.append("key-0")
            assert of_key(engine, sharded_outbox, "key-0").events == 17
            assert relay.drain() == 17
            assert sum(waiting(engine)) == 0


def test_lag_of_shards_at_different_places_is_measured_separately(
    sharded_outbox: Outbox, engine: Engine
) -> None:
    sharded_outbox.append_many(60, keys=20)
    everywhere = waiting(engine)
    assert all(everywhere)
    sharded_outbox.run("UPDATE outbox_cursor SET snapshot = pg_current_snapshot() WHERE shard = 2")
    sharded_outbox.append_many(60, keys=20)

    assert waiting(engine) == [2 * everywhere[0], 2 * everywhere[1], everywhere[2], 2 * everywhere[3]]


def test_open_dead_letters_are_counted_in_their_shards(sharded_outbox: Outbox, engine: Engine) -> None:
    sharded_outbox.append_many(4, keys=1)
    for position, state in enumerate(["PARKED", "REPLAYING", "REPLAYED", "DISCARDED"], start=1):
        sharded_outbox.run(
            "INSERT INTO outbox_dead_letter SELECT position, id, topic, aggregatetype, aggregateid, type,"
            " source, payload, traceparent, created_at, :state, 'too_large', 'x' FROM outbox"
            " WHERE position = :position",
            position=position, state=state,
        )  # fmt: skip

    counts = [shard.dead_letters for shard in measure(engine).shards]

    assert counts.pop(shard_of(sharded_outbox, "key-0")) == 2
    assert counts == [0, 0, 0]


def test_measuring_goes_on_after_the_server_ended_its_idle_session(
    sharded_outbox: Outbox, engine: Engine
) -> None:
    measure(engine)
    ended = sharded_outbox.run(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE application_name = 'outbox-relay' AND datname = current_database()"
    )
    assert ended == [(True,)]

    assert waiting(engine) == [0] * SHARDS


def test_outbox_without_cursors_is_reported(sharded_outbox: Outbox, engine: Engine) -> None:
    sharded_outbox.run("DELETE FROM outbox_cursor")

    with pytest.raises(CursorMissing):
        measure(engine)
