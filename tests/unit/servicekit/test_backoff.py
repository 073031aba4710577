"""Pauses between attempts."""

import pytest

from servicekit.backoff import Backoff

BACKOFF = Backoff(first_seconds=0.1, longest_seconds=10.0)
SAMPLES = 200


@pytest.mark.parametrize(
    ("failures", "limit_seconds"), [(1, 0.1), (2, 0.2), (5, 1.6), (8, 10.0), (100_000, 10.0)]
)
def test_pause_is_half_to_all_of_a_limit_that_doubles(failures: int, limit_seconds: float) -> None:
    pauses = [BACKOFF.seconds(failures) for _ in range(SAMPLES)]

    assert min(pauses) >= limit_seconds * 0.5
    assert max(pauses) <= limit_seconds


def test_pauses_are_spread() -> None:
    pauses = [BACKOFF.seconds(10) for _ in range(SAMPLES)]

    assert min(pauses) < 6.0
    assert max(pauses) > 9.0


@pytest.mark.parametrize(("jitter", "pause_seconds"), [(0.0, 0.4), (0.5, 0.6)])
def test_jitter_may_be_given(jitter: float, pause_seconds: float) -> None:
    assert BACKOFF.jittered_seconds(4, jitter) == pytest.approx(pause_seconds)


def test_there_is_no_pause_without_a_failure() -> None:
    assert BACKOFF.seconds(0) == 0.0
