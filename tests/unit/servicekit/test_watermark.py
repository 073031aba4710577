"""A commit never passes a record that isn't done."""

from hypothesis import given
from hypothesis import strategies as st

from servicekit.messaging.watermark import Watermarks

TOPIC_0 = ("topic", 0)


def test_gap_holds_the_commit_back() -> None:
    watermarks = Watermarks()
    watermarks.received(TOPIC_0, [5, 6, 7])
    watermarks.done(TOPIC_0, 5)
    watermarks.done(TOPIC_0, 7)
    assert watermarks.committable() == {TOPIC_0: 6}
    watermarks.done(TOPIC_0, 6)
    assert watermarks.committable() == {TOPIC_0: 8}


def test_nothing_is_committable_before_the_first_is_done() -> None:
    watermarks = Watermarks()
    watermarks.received(TOPIC_0, [0, 1])
    watermarks.done(TOPIC_0, 1)
    assert watermarks.committable() == {}


def test_offsets_that_the_broker_skips_do_not_hold_it_back() -> None:
    watermarks = Watermarks()
    watermarks.received(TOPIC_0, [3, 9])
    watermarks.done(TOPIC_0, 3)
    watermarks.done(TOPIC_0, 9)
    assert watermarks.committable() == {TOPIC_0: 10}


def test_committed_offsets_are_not_offered_again_and_later_ones_are() -> None:
    watermarks = Watermarks()
    watermarks.received(TOPIC_0, [0])
    watermarks.done(TOPIC_0, 0)
    first = watermarks.committable()
    watermarks.received(TOPIC_0, [1])
    watermarks.done(TOPIC_0, 1)
    watermarks.committed(first)
    assert watermarks.committable() == {TOPIC_0: 2}
    watermarks.committed({TOPIC_0: 2})
    assert watermarks.committable() == {}


def test_revoked_partition_is_forgotten() -> None:
    watermarks = Watermarks()
    watermarks.received(TOPIC_0, [0, 1])
    watermarks.done(TOPIC_0, 0)
    watermarks.revoked([TOPIC_0])
    watermarks.done(TOPIC_0, 1)
    assert watermarks.committable() == {}


@given(st.permutations(range(8)), st.integers(0, 8))
def test_commit_is_the_first_offset_not_done(order: list[int], count: int) -> None:
    watermarks = Watermarks()
    watermarks.received(TOPIC_0, range(8))
    done = set(order[:count])
    for offset in order[:count]:
        watermarks.done(TOPIC_0, offset)
    expected = next(offset for offset in range(9) if offset not in done)
    assert watermarks.committable().get(TOPIC_0, 0) == expected
