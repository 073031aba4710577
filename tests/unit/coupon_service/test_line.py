"""A place in line never gets worse, however requests are accepted, decided and rolled back."""

import random
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from coupon_service.domain.line import (
    AGE_SHARE,
    LATEST_SECONDS,
    SOONEST_SECONDS,
    Line,
    seconds_until_next_look,
    seconds_until_place_is_known,
)


@dataclass
class _Database:
    """Transactions as PostgreSQL numbers them: by their first write, visible when they commit."""

    next_batch: int = 1
    under_way: dict[int, int] = field(default_factory=dict)
    undecided: dict[int, int] = field(default_factory=dict)
    """The batch of each undecided request."""
    accepted: int = 0

    def begin(self, requests: int) -> None:
        self.under_way[self.next_batch] = requests
        self.next_batch += 1

    def end(self, which: int, *, commits: bool) -> None:
        if not self.under_way:
            return
        batch = sorted(self.under_way)[which % len(self.under_way)]
        requests = self.under_way.pop(batch)
        for _ in range(requests if commits else 0):
            self.accepted += 1
            self.undecided[self.accepted] = batch

    def decide(self, which: int) -> None:
        """Any request: the order of decision is only about that of acceptance."""
        if self.undecided:
            del self.undecided[sorted(self.undecided)[which % len(self.undecided)]]

    def line(self) -> Line:
        """What a process that has just started reads: nothing of what others know."""
        counts = sorted(Counter(self.undecided.values()).items())
        settled_below = min(self.under_way, default=self.next_batch)
        return Line.of([batch for batch, _ in counts], [count for _, count in counts], settled_below)


_STEPS = st.one_of(
    st.tuples(st.just("begin"), st.integers(1, 4)),
    st.tuples(st.sampled_from(["commit", "abort", "decide", "decide"]), st.integers(0, 20)),
)


@given(st.lists(_STEPS, max_size=80))
def test_a_place_never_gets_worse_nor_unknown_again(steps: list[tuple[str, int]]) -> None:
    database = _Database()
    shown: dict[int, int] = {}
    for kind, number in steps:
        match kind:
            case "begin":
                database.begin(number)
            case "decide":
                database.decide(number)
            case _:
                database.end(number, commits=kind == "commit")
        line = database.line()
        for request, batch in database.undecided.items():
            place = line.place(batch)
            if place is None:
                assert request not in shown
                continue
            assert 1 <= place <= shown.get(request, place)
            shown[request] = place


def test_a_million_places_never_get_worse() -> None:
    chance = random.Random(16)  # noqa: S311 - the same places in each run
    database = _Database()
    shown: dict[int, int] = {}
    places = worse = 0
    while places < 1_000_000:
        database.begin(chance.randint(1, 40))
        while len(database.under_way) > chance.randint(0, 3):
            database.end(chance.randrange(3), commits=chance.random() < 0.9)
        # A long line, because each request in it is an update.
        while len(database.undecided) > 600:
            database.decide(chance.randrange(50))
        line = database.line()
        for request, batch in database.undecided.items():
            place = line.place(batch)
            before = shown.get(request)
            worse += before is not None and (place is None or place > before)
            if place is not None:
                shown[request] = place
                places += 1
    assert worse == 0


@given(st.lists(_STEPS, max_size=80))
def test_a_place_counts_the_undecided_requests_up_to_its_own_batch(steps: list[tuple[str, int]]) -> None:
    database = _Database()
    for kind, number in steps:
        if kind == "begin":
            database.begin(number)
        else:
            database.end(number, commits=True)
    database.under_way.clear()
    line = database.line()
    for batch in database.undecided.values():
        assert line.place(batch) == sum(other <= batch for other in database.undecided.values())


def test_a_place_is_unknown_while_an_older_transaction_may_add_requests() -> None:
    line = Line.of([3, 5], [2, 1], settled_below=4)
    assert (line.place(3), line.place(5)) == (2, None)


def test_a_look_is_sooner_near_the_front_and_jittered() -> None:
    near = {seconds_until_next_look(1) for _ in range(50)}
    far = {seconds_until_next_look(100_000) for _ in range(50)}
    assert max(near) < min(far)
    assert len(near) > 25
    assert len(far) > 25
    assert min(near) > SOONEST_SECONDS / 2
    assert max(far) < LATEST_SECONDS * 1.5


def looks_at_age(age_seconds: float) -> list[float]:
    return sorted(seconds_until_place_is_known(age_seconds) for _ in range(50))


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_the_older_a_request_without_a_place_the_later_the_look(one: float, other: float) -> None:
    younger, older = looks_at_age(min(one, other)), looks_at_age(max(one, other))
    # Ages whose usual pauses differ by less than the jitter can't be told apart.
    assert younger[0] < older[-1] * 2
    assert SOONEST_SECONDS / 2 < younger[0] <= older[-1] < LATEST_SECONDS * 1.5


def test_a_look_at_a_request_without_a_place_is_a_share_of_its_age() -> None:
    looks = looks_at_age(20)
    assert 20 * AGE_SHARE / 2 < looks[0] < looks[-1] < 20 * AGE_SHARE * 1.5
    assert len(set(looks)) > 25


def test_a_look_at_a_new_request_without_a_place_is_soon() -> None:
    assert looks_at_age(0)[-1] < SOONEST_SECONDS * 1.5


def test_a_look_at_an_old_request_without_a_place_is_as_late_as_any() -> None:
    assert looks_at_age(86_400)[0] > LATEST_SECONDS / 2
    # The database's clock was set back.
    assert looks_at_age(-86_400)[-1] < SOONEST_SECONDS * 1.5
