"""Tells what is going on: bars on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_SECONDS_BETWEEN_LINES = 5.0

OnCount = Callable[[int], None]


def counted(show: OnCount) -> Callable[[], None]:
    """Something to call once for each that is done."""
    done = 0

    def one_more() -> None:
        nonlocal done
        done += 1
        show(done)

    return one_more


class Narrator:
    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False)

    @contextmanager
    def step(self, title: str, total: int) -> Iterator[OnCount]:
        """A step with a countable end; yields the callback for how many are done."""
        started_at = time.monotonic()
        done = 0
        with self._shown(title, total) as show:

            def on_count(count: int) -> None:
                nonlocal done
                done = count
                show(count)

            yield on_count
        self.say(f"{title}: {done:,} of {total:,}, {time.monotonic() - started_at:.1f} s")

    @contextmanager
    def _shown(self, title: str, total: int) -> Iterator[OnCount]:
        if not self._console.is_terminal:
            yield self._lines(title, total)
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task(title, total=total)
            yield lambda count: progress.update(task, completed=count)

    def _lines(self, title: str, total: int) -> OnCount:
        said_at = time.monotonic()

        def on_count(count: int) -> None:
            nonlocal said_at
            if time.monotonic() - said_at >= _SECONDS_BETWEEN_LINES:
                said_at = time.monotonic()
                self.say(f"  {title}: {count:,} of {total:,}")

        return on_count
