"""Relays killed over and over while they drain a backlog, judged by a consumer of the test's own."""

import threading
from contextlib import ExitStack
from pathlib import Path

from tests.support.relay.delivery_check import check_all_arrived
from tests.support.relay.fleet import a_relay_of, wait_until_idle
from tests.support.relay.outbox import Outbox, an_outbox
from tests.support.relay.process import RelayProcess

EVENTS = 100_000
KEYS = 500
_SECONDS_BETWEEN_KILLS = 2.0
_MOST_KILLS = 60


def test_relays_killed_in_turn_lose_nothing_and_keep_the_order(
    database_url: str, topic: str, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    with an_outbox(database_url, topic, shards=4) as outbox, ExitStack() as stack:
        outbox.run(
            "INSERT INTO outbox (id, topic, aggregatetype, aggregateid, type, source, payload)"
            " SELECT gen_random_uuid(), :topic, 'test', 'key-' || number % :keys, 'Tested', '/test',"
            " json_build_object('number', number) FROM generate_series(1, :events) AS number",
            topic=topic, keys=KEYS, events=EVENTS,
        )  # fmt: skip
        outbox.run("ANALYZE outbox")

        def start() -> RelayProcess:
            # Small pages, so that the backlog outlives several kills.
            return stack.enter_context(a_relay_of(outbox, tmp_path, kafka_bootstrap_servers, page_events=20))

        relays = [start(), start()]
        kills = 0
        while kills < _MOST_KILLS and unpublished(outbox):
            # The pace of the kills is the test's own, and nothing to wait for.
            threading.Event().wait(_SECONDS_BETWEEN_KILLS)
            relays.pop(0).kill()
            kills += 1
            relays.append(start())
        wait_until_idle(outbox, timeout_seconds=120)

        received = check_all_arrived(outbox, kafka_bootstrap_servers, timeout_seconds=120)
        print(f"{kills} kills, {received.duplicates} of {EVENTS} events twice")  # noqa: T201 - figures to be reported
    assert received.total == EVENTS
    assert kills >= 3, "the backlog was drained before anybody was killed"


def unpublished(outbox: Outbox) -> bool:
    """Whether a cursor has not passed all events, by the cursors themselves."""
    return bool(
        outbox.run(
            "SELECT FROM outbox JOIN outbox_cursor"
            ' ON mod(hashtextextended(aggregateid COLLATE "C", 0) & 2147483647, shards) = shard'
            " WHERE NOT pg_visible_in_snapshot(xid, snapshot)"
            " AND position > coalesce(window_position, 0) LIMIT 1"
        )
    )
