"""A clock that the test holds."""


class Clock:
    """Seconds that pass when the test sets them."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now
