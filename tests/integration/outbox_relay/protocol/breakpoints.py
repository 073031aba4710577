"""Code that stops where the test wants it to, and goes on, or dies, when the test wants it to."""

import threading
from collections.abc import Callable
from typing import Any

_DEADLINE_SECONDS = 120.0


class Killed(BaseException):
    """The process ends here; nothing of its code catches this."""


class Stoppable:
    """Runs work in a thread of its own, never at the same time as the thread that controls it."""

    def __init__(self) -> None:
        self.stopped_at: str | None = None
        self._stop_at: str | None = None
        self._killed = False
        self._go_on = threading.Semaphore(0)
        self._stopped = threading.Semaphore(0)
        self._error: BaseException | None = None

    def run(self, work: Callable[[], object], stop_at: str | None) -> None:
        """Run it up to the breakpoint of that name, or to its end if it doesn't come by there."""
        self._stop_at = stop_at
        threading.Thread(target=self._body, args=(work,), daemon=True).start()
        self._wait()

    def resume(self, stop_at: str | None) -> None:
        """Go on to the next breakpoint of that name, or to the end."""
        self._stop_at = stop_at
        self._go_on.release()
        self._wait()

    def kill(self) -> None:
        """End what is stopped where it is."""
        if self.stopped_at is not None:
            self._killed = True
            self.resume(None)

    def reach(self, breakpoint_name: str) -> None:
        """Called by the work."""
        if self._stop_at == breakpoint_name:
            self.stopped_at = breakpoint_name
            self._stopped.release()
            self._go_on.acquire()
            self.stopped_at = None
            if self._killed:
                raise Killed

    def _body(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again in the controlling thread
            self._error = error
        finally:
            self._stopped.release()

    def _wait(self) -> None:
        if not self._stopped.acquire(timeout=_DEADLINE_SECONDS):
            raise TimeoutError("the work neither stops nor ends")
        error, self._error = self._error, None
        if error is not None:
            raise error


class WithBreakpoints:
    """An object whose methods can be stopped before and after they do what they do."""

    def __init__(self, subject: object, reach: Callable[[str], None]) -> None:
        self._subject = subject
        self._reach = reach

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._subject, name)

        def call(*arguments: object) -> Any:
            self._reach(f"before {name}")
            result = method(*arguments)
            self._reach(f"after {name}")
            return result

        return call
