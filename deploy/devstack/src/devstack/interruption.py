"""What Ctrl-C and SIGTERM do while processes are started and stopped. For a program's main thread only."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_Handler = Callable[[int, FrameType | None], None]


@contextmanager
def interrupted_once(on_another: Callable[[], None]) -> Iterator[None]:
    """Let the first of them raise KeyboardInterrupt, and none disturb what the block undoes then."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        for number in _SIGNALS:
            signal.signal(number, lambda _signal, _frame: on_another())
        raise KeyboardInterrupt

    with _handled_by(interrupt):
        yield


@contextmanager
def undisturbed(on_signal: Callable[[], None]) -> Iterator[None]:
    """Let none of them end the block: something half undone would be left behind."""
    with _handled_by(lambda _signal, _frame: on_signal()):
        yield


@contextmanager
def _handled_by(handler: _Handler) -> Iterator[None]:
    former = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, before in former.items():
            signal.signal(number, before)
