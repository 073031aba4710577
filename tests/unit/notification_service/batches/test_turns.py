"""Which of the turns that wait go together in one call."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from notification_service.application.delivering.turns import TOGETHER_SECONDS, Place, Turn, WaitingTurns
from tests.support.notification_builders import a_delivery

MOST = 4
DELIVERY = a_delivery()


def turns(*places: Place | None, every_seconds: float = 0.0) -> list[Turn]:
    return [
        Turn(DELIVERY, number * every_seconds, 60.0, lambda: True, place)
        for number, place in enumerate(places)
    ]


def taken(waiting: Sequence[Turn], *, now: float = 0.0, most: int = MOST) -> list[list[Turn]]:
    """All of them, one batch after the other, as a thread that is never held up takes them."""
    queue = WaitingTurns(most)
    queue.add(waiting)
    batches = []
    while queue:
        batches.append(queue.take(now))
    return batches


def sizes(batches: list[list[Turn]]) -> list[int]:
    return [len(batch) for batch in batches]


def to(*recipients: str, kind: str = "ORDER_COMPLETED") -> list[Place]:
    return [Place(kind, recipient) for recipient in recipients]


def test_turns_that_are_due_go_together_up_to_the_most() -> None:
    assert sizes(taken(turns(*to(*"abcdef")))) == [4, 2]


def test_what_goes_alone_keeps_its_turn_and_holds_up_no_batch() -> None:
    a, b = to(*"ab")

    batches = taken(turns(a, None, b, None))

    assert sizes(batches) == [2, 1, 1]
    assert [turn.place for turn in batches[0]] == [a, b]


def test_turns_go_singly_where_they_must() -> None:
    queue = WaitingTurns(MOST)
    queue.add(turns(*to(*"abc")))

    assert sizes([queue.take(0.0, singly=True), queue.take(0.0)]) == [1, 2]


def test_two_messages_to_one_recipient_never_share_a_call() -> None:
    assert sizes(taken(turns(*to(*"aabca")))) == [3, 1, 1]


def test_other_templates_go_in_other_calls() -> None:
    batches = taken(turns(*to("a"), *to("b", kind="ORDER_CANCELLED"), *to("c")))

    assert [[turn.place and turn.place.recipient for turn in batch] for batch in batches] == [
        ["a", "c"],
        ["b"],
    ]


def test_a_turn_waits_no_longer_for_others_than_a_moment() -> None:
    soon, later = 0.9 * TOGETHER_SECONDS, 1.1 * TOGETHER_SECONDS

    assert sizes(taken(turns(*to(*"ab"), every_seconds=soon))) == [2]
    assert sizes(taken(turns(*to(*"ab"), every_seconds=later))) == [1, 1]


def test_a_turn_that_is_overdue_waits_for_nobody_and_takes_what_is_due() -> None:
    first, due, future = turns(*to(*"abc"), every_seconds=0.03)

    assert taken([first, due, future], now=0.045) == [[first, due], [future]]


places = st.none() | st.builds(Place, kind=st.sampled_from("XY"), recipient=st.sampled_from("abcdef"))


@given(
    st.lists(st.tuples(places, st.floats(0, 0.05)), max_size=40),
    st.floats(0, 0.3),
    st.integers(1, 6),
)
def test_any_turns_go_once_in_batches_that_a_provider_takes(
    given_turns: list[tuple[Place | None, float]], now: float, most: int
) -> None:
    at, waiting = 0.0, list[Turn]()
    for place, pause in given_turns:
        at += pause
        waiting.append(Turn(DELIVERY, at, 60.0, lambda: True, place))

    batches = taken(waiting, now=now, most=most)

    assert sorted(map(id, waiting)) == sorted(id(turn) for batch in batches for turn in batch)
    # The one that waits longest is always among the next.
    firsts = [batch[0].at for batch in batches]
    assert firsts == sorted(firsts)
    for batch in batches:
        assert len(batch) <= most
        if len(batch) > 1:
            found = [turn.place for turn in batch if turn.place is not None]
            assert len({place.recipient for place in found}) == len(batch)
            assert len({place.kind for place in found}) == 1
        # None waits for a slot that is further away.
        assert all(turn.at <= max(batch[0].at + TOGETHER_SECONDS, now) for turn in batch)
