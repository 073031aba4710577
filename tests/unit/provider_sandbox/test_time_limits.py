"""What providers allow once within a time, or so often a second."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from provider_sandbox.database import Database
from provider_sandbox.providers.rate_limit import RateLimit
from provider_sandbox.providers.used_keys import UsedKeys


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[UsedKeys]:
    with closing(Database(tmp_path / "keys.sqlite")) as database:
        yield UsedKeys(database)


def test_a_key_is_used_up_for_its_time(keys: UsedKeys) -> None:
    used = [keys.claim("nhn", "key", 600, now) for now in (1000, 1000.5, 1599, 1601)]

    assert used == [True, False, False, True]


def test_keys_of_providers_are_apart(keys: UsedKeys) -> None:
    assert keys.claim("nhn", "key", 600, 1000)
    assert keys.claim("solapi", "key", 600, 1000)


def test_as_many_calls_a_second_as_allowed() -> None:
    limit = RateLimit()

    allowed = [limit.allows(2, now) for now in (10.0, 10.1, 10.2, 11.3, 11.4, 11.5)]

    assert allowed == [True, True, False, True, True, False]


def test_a_refused_call_counts() -> None:
    limit = RateLimit()

    allowed = [limit.allows(1, now) for now in (10.0, 10.6, 11.2, 12.3)]

    assert allowed == [True, False, False, True]


def test_no_limit_remembers_nothing() -> None:
    limit = RateLimit()
    assert all(limit.allows(0, 10.0) for _ in range(100))
    assert limit.allows(1, 10.0)
