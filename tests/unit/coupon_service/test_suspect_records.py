"""Records that a dead letter may explain, against the plain model."""

from hypothesis import given
from hypothesis import strategies as st

from coupon_service.domain.reconciling import DeadLetterState, Place
from coupon_service.domain.suspect_records import SuspectRecords

places = st.tuples(st.integers(0, 2), st.integers(0, 30))
states: st.SearchStrategy[DeadLetterState] = st.sampled_from(["OPEN", "REPLAYED", "DISCARDED"])


@given(st.sets(places), st.lists(st.tuples(places, states)))
def test_each_record_has_the_state_of_its_own_dead_letters(
    suspects: set[Place], letters: list[tuple[Place, DeadLetterState]]
) -> None:
    records, model = SuspectRecords(), dict[Place, DeadLetterState | None]()
    for place in sorted(suspects):
        records.add(place)
        model[place] = None
    for place, state in letters:
        records.saw_letter(place, state)
        # Written twice, it is handled when one of both is.
        if place in model and (state != "OPEN" or model[place] is None):
            model[place] = state
    assert dict(records) == model
    assert [records.letter_of(place) for place in sorted(suspects)] == [
        model[place] for place in sorted(suspects)
    ]
    assert records.letter_of((9, 9)) is None
