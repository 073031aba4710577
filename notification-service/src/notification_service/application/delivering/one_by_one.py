"""Doing for each alone what failed for all together: one of them may be at fault."""

from collections.abc import Callable, Sequence
from typing import TypeVar

_ItemT = TypeVar("_ItemT")

IsBug = Callable[[Exception], bool]
"""Whether an error is no wait for the database, and comes again for the same row."""


def all_or_each(
    items: Sequence[_ItemT], work: Callable[[Sequence[_ItemT]], object], is_bug: IsBug
) -> Sequence[tuple[_ItemT, Exception]]:
    """Do ``work`` for ``items`` in one transaction or, after a bug, for each in its own.

    Returns those that fail alone, with the error. Raises any error that is no bug: then all may be repeated.
    """
    try:
        work(items)
    except Exception as error:
        if not is_bug(error):
            raise
        return [(items[0], error)] if len(items) == 1 else each_alone(items, work, is_bug)
    return []


def each_alone(
    items: Sequence[_ItemT], work: Callable[[Sequence[_ItemT]], object], is_bug: IsBug
) -> Sequence[tuple[_ItemT, Exception]]:
    """The same, after the work for all has failed."""
    failed = list[tuple[_ItemT, Exception]]()
    for item in items:
        try:
            work([item])
        except Exception as error:
            if not is_bug(error):
                raise
            failed.append((item, error))
    return failed
