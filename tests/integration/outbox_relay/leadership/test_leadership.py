"""Several relays of one source: one publishes, and another takes over when it dies or freezes."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from outbox_relay.protocol.errors import LostLeadership, SessionLost
from outbox_relay.protocol.model import Page, Shards, Window
from outbox_relay.protocol.relay import Failed, Published, Standby
from tests.support.relay.arrivals import arrivals, by_key, first_seen
from tests.support.relay.cursors import sessions_waiting_to_save
from tests.support.relay.outbox import Outbox
from tests.support.relay.process import RelayProcess, a_relay_process
from tests.support.relay.stepping_relay import LEADERSHIP_TIMEOUT_MS, SteppingRelay, a_stepping_relay
from tests.support.waiting import wait_until


def test_only_one_of_two_relays_leads_and_the_standby_is_ready(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    sources = {"test": outbox.relay_url}
    with (
        a_relay_process(tmp_path, kafka_bootstrap_servers, sources) as one,
        a_relay_process(tmp_path, kafka_bootstrap_servers, sources) as other,
    ):
        leader, standby = sort_out(one, other)
        wait_until(lambda: standby.readiness()[0] == 200, "the standby to be ready")
        wait_until(
            lambda: standby.shard()["leader"] == leader.shard()["leader"], "both to name the same leader"
        )
        assert not standby.shard()["isLeader"]
        assert outbox.cursor()["epoch"] == 1


def test_standby_takes_over_when_the_leader_is_killed(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    sources = {"test": outbox.relay_url}
    with (
        a_relay_process(tmp_path, kafka_bootstrap_servers, sources) as one,
        a_relay_process(tmp_path, kafka_bootstrap_servers, sources) as other,
    ):
        leader, standby = sort_out(one, other)
        outbox.append("a", 1)
        assert len(arrivals(kafka_bootstrap_servers, outbox.topic, 1)) == 1

        leader.kill()
        outbox.append("a", 2)

        standby.wait_to_lead()
        found = arrivals(kafka_bootstrap_servers, outbox.topic, 2)
        assert by_key(first_seen(found)) == {"a": [1, 2]}
        assert outbox.cursor()["epoch"] == 2


def test_frozen_leader_is_replaced_and_moves_no_cursor_after_thawing(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    sources = {"test": outbox.relay_url}
    with (
        a_relay_process(tmp_path, kafka_bootstrap_servers, sources, leadership_timeout_ms=2000) as one,
        a_relay_process(tmp_path, kafka_bootstrap_servers, sources, leadership_timeout_ms=2000) as other,
    ):
        frozen, successor = sort_out(one, other)
        # Frozen with a page published and its cursor unsaved: what it does first after thawing is to save it.
        with outbox.open_transaction() as blocker:
            blocker.run("SELECT FROM outbox_cursor FOR UPDATE")
            outbox.append("a", 1)
            assert len(arrivals(kafka_bootstrap_servers, outbox.topic, 1)) == 1
            wait_until(lambda: sessions_waiting_to_save(outbox), "the leader to save its cursor")
            frozen.signal(signal.SIGSTOP)
            for (pid,) in sessions_waiting_to_save(outbox):
                blocker.run("SELECT pg_terminate_backend(:pid)", pid=pid)

        successor.wait_to_lead()
        outbox.append("a", 2)
        found = arrivals(kafka_bootstrap_servers, outbox.topic, 3)
        assert [arrival.number for arrival in found] == [1, 1, 2]
        wait_until(lambda: successor.shard()["lag"]["events"] == 0, "the successor to have caught up")
        before = outbox.cursor()

        frozen.signal(signal.SIGCONT)
        wait_until(lambda: not frozen.shard()["isLeader"], "the thawed relay to know that it doesn't lead")
        wait_until(lambda: frozen.readiness()[0] == 200, "the thawed relay to be a standby")
        assert outbox.cursor() == before

        outbox.append("a", 3)
        found = arrivals(kafka_bootstrap_servers, outbox.topic, 4)
        assert [arrival.number for arrival in found] == [1, 1, 2, 3]
        assert outbox.cursor()["epoch"] == 2


def test_cursor_write_of_a_former_leader_misses(
    outbox: Outbox, relay: SteppingRelay, kafka_bootstrap_servers: str
) -> None:
    outbox.append("a", 1)
    former_session = outbox.run("SELECT pid FROM pg_locks WHERE locktype = 'advisory' LIMIT 1")
    # Its session is gone, and it doesn't know it yet.
    outbox.run("SELECT pg_terminate_backend(:pid)", pid=former_session[0][0])
    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers, leads=False) as successor:
        wait_until(lambda: compete(successor), "the successor to lead")
        assert successor.drain() == 1
        before = outbox.cursor()

        result = relay.step()

        assert isinstance(result, Failed)
        assert isinstance(result.error, LostLeadership)
        assert outbox.cursor() == before


def test_leader_silent_for_too_long_publishes_nothing_until_confirmed(
    outbox: Outbox, kafka_bootstrap_servers: str
) -> None:
    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers) as relay:
        outbox.append("a")
        silent = relay.leadership
        confirmed_at = silent._clock()  # noqa: SLF001 - the clock is held by the test
        silent._clock = lambda: confirmed_at + LEADERSHIP_TIMEOUT_MS / 1000  # noqa: SLF001 - the same

        assert isinstance(relay.step(), Standby)

        silent.beat()
        assert relay.drain() == 1


def test_leader_that_stalled_while_it_read_goes_on_from_the_stored_cursor(
    outbox: Outbox, kafka_bootstrap_servers: str
) -> None:
    with a_stepping_relay(
        outbox.relay_url, kafka_bootstrap_servers, page_events=2, pages_per_turn=1
    ) as relay:
        outbox.append_many(6, keys=1)
        assert relay.step() == Published(2, more=True)
        before = outbox.cursor()
        with stalling_reads(relay):
            result = relay.step()
        assert isinstance(result, Failed)
        assert isinstance(result.error, LostLeadership)

        relay.leadership.beat()
        assert relay.drain() == 4

        found = arrivals(kafka_bootstrap_servers, outbox.topic, 6)
        assert by_key(found) == {"key-0": [0, 1, 2, 3, 4, 5]}
        assert outbox.cursor()["epoch"] == before["epoch"]


def test_leader_whose_work_is_cut_off_goes_on_in_a_new_epoch(
    outbox: Outbox, relay: SteppingRelay, kafka_bootstrap_servers: str
) -> None:
    outbox.append("a", 1)
    assert relay.drain() == 1
    outbox.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'outbox-relay' AND pid NOT IN (SELECT pid FROM pg_locks"
        " WHERE locktype = 'advisory')"
    )
    outbox.append("a", 2)

    result = relay.step()
    assert isinstance(result, Failed)
    assert isinstance(result.error, SessionLost)
    assert relay.step() == Standby()
    relay.leadership.beat()

    assert relay.drain() == 1
    assert outbox.cursor()["epoch"] == 2
    found = arrivals(kafka_bootstrap_servers, outbox.topic, 2)
    assert by_key(found) == {"a": [1, 2]}


def test_leader_whose_epoch_was_changed_by_hand_goes_on_in_a_new_one(
    outbox: Outbox, relay: SteppingRelay
) -> None:
    outbox.append("a", 1)
    outbox.run("UPDATE outbox_cursor SET epoch = 10")

    result = relay.step()
    assert isinstance(result, Failed)
    assert isinstance(result.error, LostLeadership)
    relay.leadership.beat()

    assert relay.drain() == 1
    assert outbox.cursor()["epoch"] == 11


@contextmanager
def stalling_reads(relay: SteppingRelay) -> Iterator[None]:
    """Every page read takes so long that the latest beat no longer proves anything."""
    read_page = relay.source.read_page

    def read_slowly(window: Window, shards: Shards, most_events: int | None) -> Page:
        relay.leadership._confirmed_at -= LEADERSHIP_TIMEOUT_MS / 1000  # noqa: SLF001 - the clock is held by the test
        return read_page(window, shards, most_events)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(relay.source, "read_page", read_slowly)
        yield


def sort_out(one: RelayProcess, other: RelayProcess) -> tuple[RelayProcess, RelayProcess]:
    """The leader and the standby."""
    wait_until(lambda: one.shard()["isLeader"] or other.shard()["isLeader"], "one relay to lead")
    return (one, other) if one.shard()["isLeader"] else (other, one)


def compete(relay: SteppingRelay) -> bool:
    relay.leadership.beat()
    return bool(relay.leadership.leases())
