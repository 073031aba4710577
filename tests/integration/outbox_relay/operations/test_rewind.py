"""``outbox-relay rewind``: kept events are published again, in order, while everything else goes on."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.relay.commands import command, command_status
from tests.support.relay.delivery_check import check_all_arrived, receive
from tests.support.relay.fleet import a_relay_of, led, wait_until_idle, wait_until_ready
from tests.support.relay.outbox import Outbox, an_outbox
from tests.support.relay.steady_writer import SteadyWriter
from tests.support.waiting import wait_until

KEYS = [f"key-{number}" for number in range(5)]


@pytest.fixture
def outbox(database_url: str, topic: str) -> Iterator[Outbox]:
    """An outbox of two shards."""
    with an_outbox(database_url, topic, shards=2) as outbox:
        yield outbox


def test_events_since_a_time_are_published_again_and_no_others(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    servers = kafka_bootstrap_servers
    with a_relay_of(outbox, tmp_path, servers) as relay:
        write(outbox, 0, 10)
        moment = now(outbox)
        write(outbox, 10, 14)
        wait_until_idle(outbox)

        counted = command("rewind", "test", "--since", moment, of=outbox, kafka=servers)
        assert counted == "test: 20 events would be published; add --yes to do it"
        wait_until_idle(outbox)
        assert receive(servers, outbox.topic, 70).duplicates == 0
        done = command("rewind", "test", "--since", moment, "--yes", of=outbox, kafka=servers)
        assert done == "test: rewound, 20 events will be published"

        wait_until(lambda: receive(servers, outbox.topic, 70).duplicates == 20, "the repetition")
        check_all_arrived(outbox, servers)
        wait_until_ready(relay)


def test_rewinding_disturbs_no_writer_and_keeps_every_keys_order(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    servers = kafka_bootstrap_servers
    with (
        a_relay_of(outbox, tmp_path, servers, page_events=20) as one,
        a_relay_of(outbox, tmp_path, servers, page_events=20) as other,
    ):
        moment = now(outbox)
        with SteadyWriter(outbox, KEYS, pause_seconds=0.02) as writer:
            for times in range(1, 4):
                before = writer.events
                wait_until(lambda: writer.events >= before + 20 * len(KEYS), "events to flow")  # noqa: B023 - used at once
                command("rewind", "test", "--since", moment, "--yes", of=outbox, kafka=servers)
                wait_until(lambda: led(one) | led(other) == {0, 1}, f"leaders after rewind {times}")
        received = check_all_arrived(outbox, servers)
        wait_until_ready(one, other)
        wait_until_idle(outbox)
    assert received.duplicates >= 20 * len(KEYS)
    assert one.logged("error", "critical") == other.logged("error", "critical") == []


def test_transaction_that_is_open_over_a_rewind_is_published(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    servers = kafka_bootstrap_servers
    with a_relay_of(outbox, tmp_path, servers), outbox.open_transaction() as early:
        write(outbox, 4, 5)
        moment = now(outbox)
        early.append("early", 0)
        write(outbox, 0, 4)
        wait_until_idle(outbox)
        counted = command("rewind", "test", "--since", moment, "--yes", of=outbox, kafka=servers)
        assert counted == "test: rewound, 20 events will be published"
        wait_until_idle(outbox)
        early.commit()
        check_all_arrived(outbox, servers)


def test_what_is_no_longer_kept_is_said(outbox: Outbox) -> None:
    write(outbox, 0, 1)
    said = command("rewind", "test", "--since", "2020-01-31T09:30:00Z", of=outbox)
    assert "test: 5 events would be published" in said
    assert "WARNING test: none before 2" in said


@pytest.mark.parametrize("since", ["yesterday", "2026-01-31T09:30:00", "12"])
def test_time_without_its_zone_is_refused(outbox: Outbox, since: str) -> None:
    status, said = command_status("rewind", "test", "--since", since, "--yes", of=outbox)
    assert status == 2
    assert "2026-01-31T09:30:00Z" in said


def test_cursors_of_another_cluster_are_rebased_first(outbox: Outbox) -> None:
    outbox.run("UPDATE outbox_cursor SET system_identifier = 1")
    status, said = command_status("rewind", "test", "--since", now(outbox), "--yes", of=outbox)
    assert status == 1
    assert "outbox-relay rebase" in said


def write(outbox: Outbox, begin: int, end: int) -> None:
    """Events of these numbers for every key, each in a transaction of its own."""
    for number in range(begin, end):
        for key in KEYS:
            outbox.append(key, number)


def now(outbox: Outbox) -> str:
    """By the clock of the events."""
    moment: datetime = outbox.run("SELECT clock_timestamp()")[0][0]
    return moment.isoformat()
