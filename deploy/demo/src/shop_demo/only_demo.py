"""One demo at a time uses the stack of a directory."""

from collections.abc import Iterator
from contextlib import contextmanager

from devstack.config import read_settings
from devstack.locking import exclusive_lock
from shop_demo.errors import AnotherDemoRuns


@contextmanager
def only_demo() -> Iterator[None]:
    """Hold a lock that the kernel gives back however the demo ends; AnotherDemoRuns if one holds it.

    Of two, the one that has started the stack would take it down while the other uses it.
    """
    directory = read_settings().directory

    def refuse() -> None:
        raise AnotherDemoRuns(
            f"another demo is running on the stack of {directory}; wait for its end, or give this one "
            "a stack of its own with DEVSTACK_DIRECTORY and DEVSTACK_PORTS=free"
        )

    with exclusive_lock(directory / "demo.lock", on_wait=refuse):
        yield
