"""PostgreSQL crashes and loses what it had not flushed: transaction ids, and cursor writes."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from devstack.postgresql import PostgresqlServer
from outbox_relay.protocol.errors import RelayError
from outbox_relay.protocol.relay import Failed, Published, Standby
from tests.support.databases import fresh_database, make_roles
from tests.support.relay.arrivals import arrivals, by_key, first_seen
from tests.support.relay.outbox import Outbox, an_outbox
from tests.support.relay.stepping_relay import SteppingRelay, a_stepping_relay
from tests.support.waiting import wait_until

XIDS_WITHOUT_A_TRACE = 50


@pytest.fixture
def own_outbox(own_postgresql: PostgresqlServer, topic: str) -> Iterator[Outbox]:
    """An outbox on a server that the test may crash."""
    with own_postgresql as server:
        make_roles(server.url())
        with (
            fresh_database(server.url()) as name,
            an_outbox(server.url(database=name), topic) as outbox,
        ):
            yield outbox


def test_event_whose_xid_was_seen_completed_before_a_crash_is_published(
    own_outbox: Outbox, kafka_bootstrap_servers: str
) -> None:
    outbox = own_outbox
    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers) as relay:
        outbox.append("a", 1)
        with crash(outbox):
            use_up_xids(outbox)
            assert relay.step() == Published(1)
            seen_before = xmax(outbox)
        assert xmax(outbox) <= seen_before - XIDS_WITHOUT_A_TRACE
        outbox.append("a", 2)
        assert xmax(outbox) < seen_before
        use_up_xids(outbox)
        outbox.append("a", 3)

        assert isinstance(relay.step(), Failed)
        assert relay.step() == Standby()
        win_again(relay)
        assert relay.drain() == 3

        found = arrivals(kafka_bootstrap_servers, outbox.topic, 4)
        assert by_key(first_seen(found)) == {"a": [1, 2, 3]}
        assert outbox.cursor()["epoch"] == 2


def test_no_xid_below_a_stored_cursor_is_handed_out_after_a_crash(
    own_outbox: Outbox, kafka_bootstrap_servers: str
) -> None:
    outbox = own_outbox
    outbox.run("CREATE TABLE other (number integer)")
    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers) as relay:
        outbox.append("a", 1)
        with crash(outbox):
            use_up_xids(outbox)
            assert relay.step() == Published(1)
            # Waits for the disk, and what came before it in the log is flushed with it: the cursor as well.
            outbox.run("INSERT INTO other VALUES (1)")
            stored = outbox.cursor()
            use_up_xids(outbox)
        assert outbox.cursor()["snapshot"] == stored["snapshot"]
        assert xmax(outbox) >= int(stored["snapshot"].split(":")[1])
        outbox.append("a", 2)

        assert isinstance(relay.step(), Failed)
        win_again(relay)
        assert relay.drain() == 1

        found = arrivals(kafka_bootstrap_servers, outbox.topic, 2)
        assert by_key(found) == {"a": [1, 2]}


@contextmanager
def crash(outbox: Outbox) -> Iterator[None]:
    """What the block does reaches the disk only where a session waits for that; then the server crashes."""
    before = writers(outbox)
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in before:
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: writers(outbox).isdisjoint(before), "the server to have recovered")


def writers(outbox: Outbox) -> set[int]:
    """The two processes of the server that write to the disk what no session waits for."""
    rows = outbox.run(
        "SELECT pid FROM pg_stat_activity WHERE backend_type IN ('walwriter', 'background writer')"
    )
    assert len(rows) == 2
    return {pid for (pid,) in rows}


def use_up_xids(outbox: Outbox) -> None:
    """Transactions that had an xid and rolled back."""
    with outbox.engine.connect() as connection:
        for _ in range(XIDS_WITHOUT_A_TRACE):
            connection.execute(text("SELECT pg_current_xact_id()"))
            connection.rollback()


def xmax(outbox: Outbox) -> int:
    """No xid from here on has completed."""
    ((value,),) = outbox.run("SELECT CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)")
    return int(value)


def win_again(relay: SteppingRelay) -> None:
    def compete() -> bool:
        try:
            relay.leadership.beat()
        except RelayError:
            return False
        return bool(relay.leadership.leases())

    wait_until(compete, "the relay to lead again")
