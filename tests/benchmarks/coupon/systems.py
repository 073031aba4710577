"""What presses go to: our API alone or with all that decides, bare Flask, and usual designs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count as numbers
from pathlib import Path

import redis
from sqlalchemy import make_url

from devstack.free_ports import find_free_ports
from tests.benchmarks.coupon import our_services
from tests.benchmarks.coupon.designs.redis_stock import QUEUE, stock_key
from tests.benchmarks.coupon.designs.tables import TABLES
from tests.benchmarks.coupon.our_services import API, create_coupon, url_of
from tests.benchmarks.coupon.processes import Service, running
from tests.benchmarks.coupon.servers import a_kafka, a_postgresql, count, query, scratch
from tests.support.databases import RELAY_ROLE
from tests.support.waiting import wait_until

_SETTLING_SECONDS = 60.0
_STORED_REQUESTS = "SELECT count(*) FROM coupon_request WHERE coupon_id = %s"
_UNDECIDED = "SELECT count(*) FROM coupon_request WHERE coupon_id = %s AND status = 'ACCEPTED'"
_ISSUED = "SELECT count(*) FROM user_coupon WHERE coupon_id = %s"


@dataclass(frozen=True)
class System:
    """One that runs. ``stored`` counts the presses that a coupon's 202s promise to have stored."""

    url: str
    new_coupon: Callable[[int], int]
    """Of so much stock; its id."""
    stored: Callable[[int], int] | None = None
    settle: Callable[[int], int] = lambda _coupon_id: 0
    """Waits until a coupon's presses are worked off; how many of them never are."""
    database_url: str = ""
    services: Mapping[str, Service] = field(default_factory=dict)
    """What may be killed, by name."""


RunsSystem = Callable[[], AbstractContextManager[System]]


@contextmanager
def ours() -> Iterator[System]:
    """API and PostgreSQL alone."""
    with scratch() as directory, a_postgresql(directory) as database:
        our_services.migration(directory, database).run()
        [port] = find_free_ports(1)
        api = our_services.api(directory, database, port)
        with running(api):
            yield _our_system(port, database, {"api": api})


@contextmanager
def ours_deciding() -> Iterator[System]:
    """With Kafka, the relay and one worker."""
    with scratch() as directory, a_postgresql(directory) as database, a_kafka(directory) as kafka:
        our_services.migration(directory, database).run()
        [port] = find_free_ports(1)
        relay_url = make_url(database).set(username=RELAY_ROLE, password=RELAY_ROLE)
        services = {
            "api": our_services.api(directory, database, port),
            "relay": our_services.relay(directory, relay_url.render_as_string(hide_password=False), kafka),
            "worker": our_services.worker(directory, database, kafka),
        }
        with running(*services.values()):
            yield _our_system(port, database, services)


def _our_system(port: int, database: str, services: Mapping[str, Service]) -> System:
    url = url_of(port)
    return System(
        url=url,
        new_coupon=lambda stock: create_coupon(url, stock=stock),
        stored=partial(count, database, _STORED_REQUESTS),
        settle=partial(_settle, partial(count, database, _UNDECIDED)),
        database_url=database,
        services=services,
    )


@contextmanager
def constant() -> Iterator[System]:
    """Bare Flask."""
    with scratch() as directory:
        [port] = find_free_ports(1)
        with running(_design("constant", directory, port)):
            yield System(url_of(port), new_coupon=lambda _stock: 1)


@contextmanager
def in_postgresql(design: str) -> Iterator[System]:
    """A design that decides at once in the database."""
    with scratch() as directory, a_postgresql(directory) as database:
        query(database, TABLES)
        [port] = find_free_ports(1)
        api = _design(design, directory, port, DATABASE_URL=database)
        with running(api):
            yield System(
                url_of(port), partial(_add_coupon, database), partial(count, database, _ISSUED),
                database_url=database, services={"api": api},
            )  # fmt: skip


@contextmanager
def in_redis(*, append_only: bool) -> Iterator[System]:
    """The design with stock in Redis, which keeps an append-only file or only its usual snapshots."""
    with scratch() as directory, a_postgresql(directory) as database:
        query(database, TABLES)
        port, redis_port = find_free_ports(2)
        environment = {"DATABASE_URL": database, "REDIS_PORT": str(redis_port)}
        services = {
            "redis": _redis(directory, redis_port, append_only=append_only),
            "writer": Service(
                ["python", "-m", "tests.benchmarks.coupon.designs.redis_writer"], environment,
                directory / "writer.log",
            ),
            "api": _design("redis_stock", directory, port, **environment),
        }  # fmt: skip
        with running(*services.values()), redis.Redis(port=redis_port) as client:

            def new_coupon(stock: int) -> int:
                coupon_id = _add_coupon(database, stock)
                client.set(stock_key(coupon_id), stock)
                if not append_only:
                    # A drop is set up long before it begins: what comes later is in no snapshot.
                    client.save()
                return coupon_id

            def settle(_coupon_id: int) -> int:
                left = _settle(lambda _coupon_id: _queued(client), 0)
                # It ends after its batch: what it has taken is written then.
                services["writer"].stop()
                services["writer"].start()
                return left

            def stored(coupon_id: int) -> int:
                settle(coupon_id)
                return count(database, _ISSUED, coupon_id)

            yield System(url_of(port), new_coupon, stored, settle, database, services)


def _settle(waiting: Callable[[int], int], coupon_id: int) -> int:
    with suppress(AssertionError):
        wait_until(lambda: waiting(coupon_id) == 0, "everything to be worked off", _SETTLING_SECONDS)
    return waiting(coupon_id)


_coupon_ids = numbers(1)


def _add_coupon(database: str, stock: int) -> int:
    coupon_id = next(_coupon_ids)
    query(database, "INSERT INTO coupon (coupon_id, total_quantity) VALUES (%s, %s)", coupon_id, stock)
    return coupon_id


def _queued(client: "redis.Redis") -> int:
    return int(str(client.llen(QUEUE)))


def _design(name: str, directory: Path, port: int, **environment: str) -> Service:
    command = ["python", "-m", "tests.benchmarks.coupon.designs.serve", name]
    variables = {**API, "HTTP_PORT": str(port), **environment}
    return Service(command, variables, directory / f"{name}.log", f"{url_of(port)}/healthz")


def _redis(directory: Path, port: int, *, append_only: bool) -> Service:
    command = [
        "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory),
        "--appendonly", "yes" if append_only else "no",
    ]  # fmt: skip
    return Service(command, {}, directory / "redis.log")


row_lock: RunsSystem = partial(in_postgresql, "row_lock")
optimistic_retry: RunsSystem = partial(in_postgresql, "optimistic_retry")
redis_stock: RunsSystem = partial(in_redis, append_only=True)
redis_snapshots: RunsSystem = partial(in_redis, append_only=False)
