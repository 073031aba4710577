"""What is done in a child of this process, which may die of it."""

import multiprocessing
import signal
from collections.abc import Callable
from typing import Any

# On a busy machine, too. A child that takes longer says nothing about the service.
_PATIENCE_SECONDS = 300
# Cheap: all is imported. Of threads, and connections to the database, this process has none to share.
_FORKING = multiprocessing.get_context("fork")
Say = Callable[[Any], object]


class HarnessFailure(Exception):
    """The harness, and not the service, has failed."""


def forked(act: Callable[[Say], object]) -> tuple[bool, Any]:
    """Let a child ``act`` to its end: whether it was killed, and what it said."""
    heard, said = _FORKING.Pipe(duplex=False)
    child = _FORKING.Process(target=act, args=(said.send,))
    child.start()
    said.close()
    with heard:
        is_silent = not heard.poll(_PATIENCE_SECONDS)
        if is_silent:
            child.kill()
        words = None if is_silent else _last(heard)
    child.join()
    if is_silent or child.exitcode not in (0, -signal.SIGKILL):
        raise HarnessFailure(f"a child said nothing in time, or ended with {child.exitcode}")
    return child.exitcode != 0, words


def left_running(act: Callable[[Say], object]) -> Any:
    """What a child says first that goes on to ``act`` for as long as this process lives."""
    heard, said = _FORKING.Pipe(duplex=False)
    _FORKING.Process(target=act, args=(said.send,), daemon=True).start()
    said.close()
    with heard:
        return heard.recv()


def _last(heard: Any) -> Any:
    try:
        return heard.recv()
    except EOFError:
        return None
