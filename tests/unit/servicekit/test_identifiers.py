"""Identifiers are new in each process, forked ones too: gunicorn forks its workers."""

import multiprocessing
from uuid import UUID

from servicekit.identifiers import uuid7


def some_ids(_: int) -> list[UUID]:
    return [uuid7() for _ in range(100)]


def test_forked_processes_make_different_identifiers() -> None:
    own = some_ids(0)

    with multiprocessing.get_context("fork").Pool(2) as pool:
        made = sum(pool.map(some_ids, range(4), chunksize=1), own)

    assert len({each.int % 2**62 for each in made}) == 500
