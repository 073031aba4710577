"""An amount of money."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Money:
    """``amount`` is in minor units of ``currency``."""

    amount: int
    currency: str
