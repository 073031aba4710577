"""What each benchmark's command does around its measurements."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum

from rich.console import Console

from devstack.errors import DevstackError
from devstack.interruption import interrupt_once

_INTERRUPTED = 130


class CommandRun:
    """Says how far it is, with the time since it was made."""

    def __init__(self, console: Console, repeats: int) -> None:
        self._console = console
        self._repeats = repeats
        self._began = time.monotonic()

    @property
    def past(self) -> timedelta:
        return timedelta(seconds=round(time.monotonic() - self._began))

    def tell_begin(self, measurement: StrEnum, repeat: int) -> None:
        line = f"{self.past}  repeat {repeat} of {self._repeats}: {measurement.value} …"
        self._console.print(line, highlight=False)

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Ends the process with 130 when the block is interrupted, with 1 when it can't measure something."""
        try:
            interrupt_once()
            yield
        except KeyboardInterrupt:
            sys.exit(_INTERRUPTED)
        except (OSError, ValueError, AssertionError, DevstackError) as error:
            self._console.print(f"can't be measured: {error}", style="bold red", markup=False)
            for note in getattr(error, "__notes__", ()):
                self._console.print(note, markup=False, highlight=False)
            sys.exit(1)
