"""How many requests wait at a time for what a front has begun."""

from servicekit.http.front import Later, MinorLater


class HeldRoom:
    """Room for ``limit`` requests; those of a :class:`MinorLater` get half of it at most."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._minor = 0

    def take(self, later: Later) -> bool:
        """False where there is no room for it."""
        is_minor = isinstance(later, MinorLater)
        if self._held >= self._limit or (is_minor and self._minor >= self._limit // 2):
            return False
        self._held += 1
        self._minor += is_minor
        return True

    def give_back(self, later: Later) -> None:
        """What ``later`` has taken, once."""
        self._held -= 1
        self._minor -= isinstance(later, MinorLater)
