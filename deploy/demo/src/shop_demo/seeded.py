"""Randomness that a seed repeats."""

from random import Random


def seeded(*names: object) -> Random:
    """A generator of its own for each purpose, so that one purpose's draws do not move another's."""
    return Random(":".join(map(str, names)))  # noqa: S311 - choices of a demo, not secrets
