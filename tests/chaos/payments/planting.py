"""Planting a fault into a forked child by replacing parts of the service."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any


@dataclass(frozen=True)
class Planted:
    """It is to be found at a boundary, or else where nothing dies.

    ``parts`` are called with the method and its arguments in place of the method.
    """

    behaviour: str
    at: str | None
    parts: Mapping[tuple[Any, str], Callable[..., Any]]

    def plant(self) -> None:
        for (owner, name), part in self.parts.items():
            setattr(owner, name, _around(getattr(owner, name), part))


def after(value: Any, *acts: Callable[[], object]) -> Any:
    """``value``, once all ``acts`` are done."""
    for act in acts:
        act()
    return value


def _around(method: Any, part: Callable[..., Any]) -> Any:
    # No partial: what belongs to a class has to become a method.
    return lambda *arguments, **named: part(partial(method, **named), *arguments)
