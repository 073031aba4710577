"""Transactions: a block inside another joins it."""

from contextlib import closing
from pathlib import Path

import pytest

from provider_sandbox.database import Database
from provider_sandbox.providers.used_keys import UsedKeys


def test_a_failure_takes_back_what_joined_blocks_have_written(tmp_path: Path) -> None:
    database = Database(tmp_path / "d.sqlite")
    keys = UsedKeys(database)

    def use_and_fail() -> None:
        with database.transaction():
            keys.claim("nhn", "key", 600, 1000)
            raise RuntimeError

    with closing(database):
        with pytest.raises(RuntimeError):
            use_and_fail()

        assert keys.claim("nhn", "key", 600, 1000)
