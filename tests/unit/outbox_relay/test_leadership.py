"""Who gets which shards, and for how long a lease is believed; what PostgreSQL says is tested with it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from outbox_relay.postgresql.leadership import Leadership, fair_part, lock_id
from outbox_relay.protocol.errors import SourceUnavailable
from outbox_relay.protocol.model import Lease
from tests.support.clock import Clock

shards = st.integers(1, 256)
members = st.integers(1, 64)
outboxes = st.integers(-(2**31), 2**31 - 1)


def test_every_outbox_and_shard_of_a_database_has_a_lock_of_its_own() -> None:
    keys = {lock_id(schema, shard) for schema in ("public", "shop", "orders") for shard in range(-1, 256)}

    assert len(keys) == 3 * 257
    assert all(-(2**31) <= key < 2**31 for key in keys)


@given(shards, members, outboxes)
def test_parts_add_up_and_differ_by_one_at_most(shards: int, members: int, outbox: int) -> None:
    parts = [fair_part(shards, members, rank, outbox) for rank in range(members)]

    assert sum(parts) == shards
    assert max(parts) - min(parts) <= 1
    assert min(parts) >= 0


@given(shards, st.integers(0, 20), outboxes)
def test_parts_never_grow_when_a_relay_comes(shards: int, members: int, outbox: int) -> None:
    largest = [
        max(fair_part(shards, count, rank, outbox) for rank in range(count))
        for count in range(1, members + 2)
    ]

    assert all(before >= after for before, after in pairwise(largest))


def test_indivisible_shards_go_to_different_relays_for_each_outbox() -> None:
    lone = [[fair_part(1, 3, rank, outbox) for rank in range(3)].index(1) for outbox in range(30)]

    assert {lone.count(rank) for rank in range(3)} == {10}


@pytest.fixture
def leadership(clock: Clock) -> Leadership:
    """Leads shards 0 and 1, and is about to give 2 away; its database can't be reached."""
    engine = create_engine("postgresql+psycopg2://nobody@127.0.0.1:1/nothing", poolclass=NullPool)
    leadership = Leadership(engine, schema="public", identity="test:1", timeout_seconds=5.0, clock=clock)
    leadership._held = {0: Lease(0, 7), 1: Lease(1, 3)}  # noqa: SLF001 - as beats would have left it
    leadership._leaving = {2: Lease(2, 5)}  # noqa: SLF001 - the same
    leadership._confirmed_at = clock()  # noqa: SLF001 - the same
    return leadership


def test_nothing_is_led_before_the_first_beat(clock: Clock) -> None:
    engine = create_engine("postgresql+psycopg2://nobody@127.0.0.1:1/nothing", poolclass=NullPool)
    leadership = Leadership(engine, schema="public", identity="test:1", timeout_seconds=5.0, clock=clock)

    assert leadership.leases() == {}
    assert not leadership.holds([Lease(0, 1)])


def test_leases_are_believed_for_four_fifths_of_the_timeout(leadership: Leadership, clock: Clock) -> None:
    clock.now += 3.99
    assert leadership.leases() == {0: Lease(0, 7), 1: Lease(1, 3)}
    assert leadership.holds([Lease(0, 7)])

    clock.now += 0.02
    assert leadership.leases() == {}
    assert not leadership.holds([Lease(0, 7)])


def test_shard_being_given_away_is_held_but_not_offered_for_new_work(leadership: Leadership) -> None:
    assert 2 not in leadership.leases()
    assert leadership.holds([Lease(0, 7), Lease(1, 3), Lease(2, 5)])


@pytest.mark.parametrize("other", [Lease(0, 6), Lease(2, 4), Lease(3, 1)])
def test_lease_of_another_epoch_or_shard_is_not_held(leadership: Leadership, other: Lease) -> None:
    assert not leadership.holds([Lease(1, 3), other])


def test_renounced_leases_are_gone_at_once(leadership: Leadership) -> None:
    leadership.renounce()

    assert leadership.leases() == {}
    assert not leadership.holds([Lease(0, 7)])
    assert not leadership.holds([Lease(2, 5)])


def test_beat_that_reaches_no_database_gives_everything_up(leadership: Leadership) -> None:
    with pytest.raises(SourceUnavailable):
        leadership.beat()

    assert leadership.leases() == {}
    assert not leadership.holds([Lease(2, 5)])
