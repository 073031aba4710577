"""What is done in a child of this process, which may die of it."""

import multiprocessing
import signal
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from typing import Any

# On a busy machine, too. A child that takes longer says nothing about the service.
_PATIENCE_SECONDS = 300
# Cheap: all is imported. Of threads, and connections to the database, this process has none to share.
_FORKING = multiprocessing.get_context("fork")
Say = Callable[[Any], object]


class HarnessFailure(Exception):
    """The harness, and not the service, has failed."""


class Companion:
    """A child that serves beside the acting one, and is begun again when it dies."""

    def __init__(self, serve: Callable[[int | None, Say], object]) -> None:
        """``serve`` gets what it has to die at, if anything."""
        self._serve = serve
        self._process: Any = None
        self.last_words: Any = None
        """Of the one that died."""

    def begin(self, deadly: int | None) -> None:
        self._heard, said = _FORKING.Pipe(duplex=False)
        self._process = _FORKING.Process(target=self._serve, args=(deadly, said.send), daemon=True)
        self._process.start()
        said.close()

    @property
    def sentinel(self) -> int:
        return int(self._process.sentinel)

    def keep_up(self, dies_within_seconds: float = 0.0) -> None:
        """Begin it again if it has died."""
        self._process.join(dies_within_seconds)
        if self._process.is_alive():
            return
        with self._heard:
            self.last_words = _last(self._heard)
        if self._process.exitcode != -signal.SIGKILL:
            raise HarnessFailure(f"a companion ended with {self._process.exitcode}")
        self.begin(None)

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._heard.close()


def forked(act: Callable[[Say], object], companions: Sequence[Companion] = ()) -> tuple[bool, Any]:
    """Let a child ``act`` to its end: whether it was killed, and what it said."""
    heard, said = _FORKING.Pipe(duplex=False)
    child = _FORKING.Process(target=act, args=(said.send,))
    child.start()
    said.close()
    with heard:
        try:
            _wait_for(heard, companions)
        except HarnessFailure:
            child.kill()
            raise
        words = _last(heard)
    child.join()
    if child.exitcode not in (0, -signal.SIGKILL):
        raise HarnessFailure(f"a child ended with {child.exitcode}")
    return child.exitcode != 0, words


def left_running(act: Callable[[Say], object]) -> Any:
    """What a child says first that goes on to ``act`` for as long as this process lives."""
    heard, said = _FORKING.Pipe(duplex=False)
    _FORKING.Process(target=act, args=(said.send,), daemon=True).start()
    said.close()
    with heard:
        return heard.recv()


def _wait_for(heard: Any, companions: Sequence[Companion]) -> None:
    """Companions that die until then are begun again."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while heard not in (ready := wait([heard, *(each.sentinel for each in companions)], _left(deadline))):
        if not ready:
            raise HarnessFailure("a child said nothing in time")
        for companion in companions:
            companion.keep_up()


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())


def _last(heard: Any) -> Any:
    try:
        return heard.recv()
    except EOFError:
        return None
