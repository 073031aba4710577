"""What Ctrl-C and SIGTERM do while processes are started and stopped. For a program's main thread only."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interrupted_once(on_another: Callable[[], None]) -> Iterator[None]:
    """Raise KeyboardInterrupt at the first signal; report later ones, so that the clean-up can finish."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        for number in _SIGNALS:
            signal.signal(number, lambda _signal, _frame: on_another())
        raise KeyboardInterrupt

    former = {number: signal.signal(number, interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, before in former.items():
            signal.signal(number, before)
