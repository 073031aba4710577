"""One demo at a time uses the stack of a directory."""

from collections.abc import Iterator
from contextlib import contextmanager

from devstack.config import read_settings
from devstack.locking import exclusive_lock
from shop_demo.errors import AnotherDemoRuns


@contextmanager
def only_demo() -> Iterator[None]:
    """Hold a lock that the kernel releases however the demo ends; AnotherDemoRuns if another demo holds it.

    `make demo` stops the stack that it has started, and so would stop it under the other demo.
    """
    directory = read_settings().directory

    def refuse() -> None:
        raise AnotherDemoRuns(
            f"another demo is running on the stack in {directory}; wait until it ends, or set "
            "DEVSTACK_DIRECTORY and DEVSTACK_PORTS=free for a second stack"
        )

    with exclusive_lock(directory / "demo.lock", on_wait=refuse):
        yield
