"""A PostgreSQL server that stands still (SIGSTOP), and requests that wait for it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from devstack.postgresql import PostgresqlServer
from tests.support.databases import make_roles
from tests.support.servers import a_postgresql_server


@contextmanager
def a_server_to_freeze() -> Iterator[PostgresqlServer]:
    """One of the test's own, with the relay's role."""
    with (
        TemporaryDirectory(prefix="shop-frozen-") as directory,
        a_postgresql_server(Path(directory) / "postgresql") as server,
    ):
        make_roles(server.url())
        yield server


@contextmanager
def frozen(server: PostgresqlServer) -> Iterator[None]:
    server.pause()
    try:
        yield
    finally:
        server.resume()


@contextmanager
def held(ask: Callable[[], httpx.Response], count: int) -> Iterator[None]:
    """Requests under way, which may end without a reply."""

    def ask_in_vain() -> None:
        with suppress(httpx.HTTPError):
            ask()

    with ThreadPoolExecutor(count) as pool:
        for _ in range(count):
            pool.submit(ask_in_vain)
        yield


def status(url: str) -> int:
    return httpx.get(url, timeout=5, trust_env=False).status_code
