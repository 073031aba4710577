"""PostgreSQL, or the way to it, fails while events flow: nothing lost, in order, no restart of the relay."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import make_url

from devstack.postgresql import PostgresqlServer
from outbox_relay.postgresql.dead_letter_operations import OPERATIONS_AT_ONCE
from tests.support.databases import fresh_database, make_roles
from tests.support.relay.delivery_check import check_all_arrived
from tests.support.relay.fleet import (
    a_relay_of,
    failing,
    led,
    wait_for_parts,
    wait_until_idle,
    wait_until_ready,
)
from tests.support.relay.outbox import Outbox, an_outbox
from tests.support.relay.process import RelayProcess, a_relay_process
from tests.support.relay.steady_writer import SteadyWriter
from tests.support.tcp_proxy import TcpProxy
from tests.support.waiting import wait_until

KEYS = [f"key-{number}" for number in range(12)]
SHARDS = 2
MOVES = 1_500
OPERATORS = 20


@pytest.fixture
def outbox(database_url: str, topic: str) -> Iterator[Outbox]:
    """An outbox of two shards."""
    with an_outbox(database_url, topic, shards=SHARDS) as outbox:
        yield outbox


@contextmanager
def nothing_is_lost(outbox: Outbox, relay: RelayProcess, servers: str) -> Iterator[None]:
    """Events flow before, while and after the block breaks something; once it is over all arrive."""
    with SteadyWriter(outbox, KEYS, pause_seconds=0.02) as writer:
        wait_until(lambda: writer.events > 10 * len(KEYS), "events to flow")
        yield
        before = writer.events
        wait_until(lambda: writer.events > before + 10 * len(KEYS), "events after it")
    check_all_arrived(outbox, servers)
    wait_until_ready(relay)
    assert relay.logged("error", "critical") == []


@pytest.mark.parametrize("how", ["restarted", "killed"])
def test_server_away_under_load(
    own_postgresql: PostgresqlServer, topic: str, kafka_bootstrap_servers: str, tmp_path: Path, how: str
) -> None:
    with own_postgresql as server:
        make_roles(server.url())
        with (
            fresh_database(server.url()) as name,
            an_outbox(server.url(database=name), topic, shards=SHARDS) as outbox,
            a_relay_of(outbox, tmp_path, kafka_bootstrap_servers) as relay,
        ):
            wait_for_parts([relay], [SHARDS])
            with nothing_is_lost(outbox, relay, kafka_bootstrap_servers):
                server.stop() if how == "restarted" else server.kill()
                wait_until(lambda: "test.database" in failing(relay), "readiness to name the database")
                server.start()
                wait_until_ready(relay)


def test_every_session_of_the_relay_ended_again_and_again(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    with a_relay_of(outbox, tmp_path, kafka_bootstrap_servers, page_events=20) as relay:
        wait_for_parts([relay], [SHARDS])
        with nothing_is_lost(outbox, relay, kafka_bootstrap_servers):
            for _ in range(3):
                wait_for_parts([relay], [SHARDS])
                sessions = relay_sessions(outbox)
                assert len(sessions) >= 3
                for pid in sessions:
                    outbox.run("SELECT pg_terminate_backend(:pid)", pid=pid)
                wait_until(lambda: len(relay_sessions(outbox)) >= 3, "new sessions")


def test_network_to_the_database_that_freezes_and_thaws(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    with (
        TcpProxy(make_url(outbox.relay_url).port or 0) as proxy,
        a_relay_process(tmp_path, kafka_bootstrap_servers, {"test": through(proxy, outbox)}) as relay,
        a_relay_of(outbox, tmp_path, kafka_bootstrap_servers) as neighbour,
    ):
        wait_for_parts([relay, neighbour], [1, 1])
        with nothing_is_lost(outbox, relay, kafka_bootstrap_servers):
            proxy.pause()
            wait_until(lambda: "test.database" in failing(relay), "readiness to name the database")
            wait_until(lambda: led(neighbour) == {0, 1}, "the neighbour to take over")
            assert led(relay) == set()
            proxy.resume()
            wait_until_ready(relay)
            wait_for_parts([relay, neighbour], [1, 1])


def test_network_to_the_database_that_is_lost_for_good_and_replaced(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    """Nothing that was under way is ever answered; connections made from then on are."""
    with (
        TcpProxy(make_url(outbox.relay_url).port or 0) as proxy,
        a_relay_process(tmp_path, kafka_bootstrap_servers, {"test": through(proxy, outbox)}) as relay,
    ):
        wait_for_parts([relay], [SHARDS])
        with nothing_is_lost(outbox, relay, kafka_bootstrap_servers):
            proxy.forget()
            wait_until(lambda: "test.database" in failing(relay), "readiness to name the database")
            wait_until_ready(relay)
            wait_for_parts([relay], [SHARDS])


def test_connections_to_the_database_that_break_again_and_again(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    with (
        TcpProxy(make_url(outbox.relay_url).port or 0) as proxy,
        a_relay_process(tmp_path, kafka_bootstrap_servers, {"test": through(proxy, outbox)}) as relay,
        nothing_is_lost(outbox, relay, kafka_bootstrap_servers),
    ):
        for _ in range(5):
            wait_for_parts([relay], [SHARDS])
            proxy.cut()
            wait_until(lambda: len(relay_sessions(outbox)) >= 3, "new sessions")


def test_operators_of_a_frozen_database_leave_threads_for_others(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    def ask() -> httpx.Response:
        return httpx.get(f"{relay.url}/api/v1/relay/sources/test/dead-letters", timeout=60, trust_env=False)

    with (
        TcpProxy(make_url(outbox.relay_url).port or 0) as proxy,
        a_relay_process(
            tmp_path,
            kafka_bootstrap_servers,
            {"test": through(proxy, outbox)},
            database_statement_timeout_ms=2_000,
        ) as relay,
        ThreadPoolExecutor(OPERATORS) as pool,
    ):
        wait_until_ready(relay)
        assert ask().status_code == 200
        proxy.pause()
        replies = [pool.submit(ask) for _ in range(OPERATORS)]
        wait_until(
            lambda: sum(reply.done() for reply in replies) == OPERATORS - OPERATIONS_AT_ONCE,
            "the surplus operations to be refused",
        )
        assert httpx.get(f"{relay.url}/healthz", timeout=60, trust_env=False).status_code == 200
        assert not all(reply.done() for reply in replies)
        problems = [reply.result().json() for reply in replies]
        assert {reply.result().status_code for reply in replies} == {503}
        assert {problem["type"] for problem in problems} == {"urn:problem:source-unavailable"}
        proxy.resume()
        wait_until(lambda: ask().status_code == 200, "the database to answer operators again")


def test_session_that_does_its_work_frozen_on_the_servers_side(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    with a_relay_of(outbox, tmp_path, kafka_bootstrap_servers) as relay:
        wait_for_parts([relay], [SHARDS])
        with nothing_is_lost(outbox, relay, kafka_bootstrap_servers):
            frozen = relay_sessions(outbox)
            for pid in frozen:
                os.kill(pid, signal.SIGSTOP)
            try:
                wait_until(lambda: "test.database" in failing(relay), "readiness to name the database")
            finally:
                for pid in frozen:
                    os.kill(pid, signal.SIGCONT)
            wait_until_ready(relay)


def test_open_transaction_beside_thousands_of_cursor_moves_loses_nothing(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    """No version of a cursor's row can be removed meanwhile."""
    with outbox.open_transaction() as other:
        other.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        other.run("SELECT pg_current_xact_id(), count(*) FROM outbox")
        with a_relay_of(outbox, tmp_path, kafka_bootstrap_servers, page_events=1) as relay:
            wait_for_parts([relay], [SHARDS])
            outbox.append_many(MOVES)
            check_all_arrived(outbox, kafka_bootstrap_servers, timeout_seconds=120)
            wait_until_idle(outbox)
            with nothing_is_lost(outbox, relay, kafka_bootstrap_servers):
                assert failing(relay) == {}
            other.append("late", 1)
            other.commit()
            check_all_arrived(outbox, kafka_bootstrap_servers)
    versions = outbox.run("SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'outbox_cursor'")
    assert versions[0][0] > MOVES


def through(proxy: TcpProxy, outbox: Outbox) -> str:
    """The relay's URL, by way of the proxy."""
    return make_url(outbox.relay_url).set(port=proxy.port).render_as_string(hide_password=False)


def relay_sessions(outbox: Outbox) -> list[int]:
    """The server processes that serve relays."""
    rows = outbox.run(
        "SELECT pid FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'outbox-relay'"
    )
    return [pid for (pid,) in rows]
