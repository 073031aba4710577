"""The judge of fairness sees every press that was overtaken, and no other."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.crowd import Press, overtaken

TIMES = st.tuples(st.integers(0, 8), st.integers(0, 4))
CROWDS = st.lists(TIMES, max_size=8).flatmap(
    lambda times: st.tuples(st.just(times), st.permutations(range(len(times))))
)


@given(CROWDS)
def test_overtaken_presses_are_those_of_all_pairs(crowd: tuple[list[tuple[int, int]], list[int]]) -> None:
    times, numbers = crowd
    presses = [Press(str(at), sent, sent + took) for at, (sent, took) in enumerate(times)]
    decided = {press.request_id: number for press, number in zip(presses, numbers, strict=True)}
    pairs = [
        one
        for one in presses
        for other in presses
        if one.answered_at < other.sent_at and decided[one.request_id] > decided[other.request_id]
    ]
    assert {press.request_id for press in overtaken(presses, decided)} == {one.request_id for one in pairs}
