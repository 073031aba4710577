"""Everything of the shop on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devstack.ports import Ports
from tests.benchmarks.coupon.servers import scratch
from tests.support.controlled_stack import ControlledStack


@dataclass(frozen=True)
class FullStack:
    """A stack that runs, as `make up` starts it, on durable servers."""

    url: str
    """Of the coupon API."""
    watch_url: str
    """Of the watch server."""
    database_url: str
    """Of the coupon service's database."""
    directory: Path
    processes: ControlledStack


@contextmanager
def a_full_stack() -> Iterator[FullStack]:
    """Removed at the end of the block."""
    with scratch() as directory:
        stack = ControlledStack(directory / "stack", ports=Ports.free())
        try:
            stack.up()
            info = stack.info()
            url = str(info.services["coupon-api"].url)
            watch_url = str(info.services["coupon-watch"].url)
            yield FullStack(url, watch_url, info.postgresql.databases["coupon"], directory, stack)
        finally:
            stack.clean()
