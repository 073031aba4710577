"""The database answers, and yet the relay can't do its work: it says so, and goes on by itself."""

from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from tests.support.relay.arrivals import arrivals, by_key, first_seen
from tests.support.relay.outbox import Outbox
from tests.support.relay.process import RelayProcess, a_relay_process
from tests.support.waiting import wait_until

LAG = 'outbox_relay_lag_events{shard="0",source="test"}'


@pytest.mark.parametrize(("right", "table"), [("SELECT", "outbox"), ("UPDATE", "outbox_cursor")])
def test_work_that_the_database_refuses_is_named_and_later_resumed(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path, right: str, table: str
) -> None:
    with a_relay_process(tmp_path, kafka_bootstrap_servers, {"test": outbox.relay_url}) as relay:
        wait_until(
            lambda: relay.source()["shards"] and relay.shard()["isLeader"] and relay.readiness()[0] == 200,
            "the relay to be ready",
        )

        outbox.run(f"REVOKE {right} ON {table} FROM outbox_relay")
        outbox.append("a", 1)
        wait_until(lambda: failures(relay) >= 3, "the relay to have tried some times")
        assert f"permission denied for table {table}" in relay.failure("test.publishing")
        assert f"permission denied for table {table}" in relay.source()["lastError"]
        assert relay.readiness()[1]["test.database"] == {"status": "ok"}
        reasons = [line["reason"] for line in relay.logged("warning") if line.get("work") == "publishing"]
        assert reasons == [f"permission denied for table {table} (SQLSTATE 42501 insufficient_privilege)"]

        outbox.run(f"GRANT {right} ON {table} TO outbox_relay")
        wait_until(lambda: relay.readiness()[0] == 200, "the relay to be ready again")
        assert relay.source()["lastError"] is None
        found = arrivals(kafka_bootstrap_servers, outbox.topic, 1)
        assert by_key(first_seen(found)) == {"a": [1]}


def test_publishing_that_waits_in_vain_is_named_while_it_waits(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    """As behind a pooler without a session left for it; a statement would end after half a minute."""
    with a_relay_process(tmp_path, kafka_bootstrap_servers, {"test": outbox.relay_url}) as relay:
        relay.wait_to_lead()
        with outbox.engine.connect() as other:
            other.execute(text("LOCK TABLE outbox"))
            expected = "not its publishing"
            wait_until(lambda: expected in relay.failure("test.publishing"), "readiness to say so", 20)
            assert expected in relay.source()["lastError"]
            reasons = [line["reason"] for line in relay.logged("warning") if line.get("work") == "publishing"]
            assert [expected in reason for reason in reasons] == [True]
            assert relay.shard()["isLeader"]
        wait_until(lambda: relay.readiness()[0] == 200, "the relay to be ready again")


def test_lag_that_cannot_be_measured_is_unknown(
    outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    with a_relay_process(tmp_path, kafka_bootstrap_servers, {"test": outbox.relay_url}) as relay:
        wait_until(lambda: relay.shard()["lag"], "the lag to be measured")
        assert gauge(relay, LAG) == "0.0"

        outbox.run("REVOKE SELECT ON outbox FROM outbox_relay")
        wait_until(lambda: relay.source()["shards"] == [], "the lag to be unknown")
        assert gauge(relay, LAG) == ""

        outbox.run("GRANT SELECT ON outbox TO outbox_relay")
        wait_until(lambda: relay.shard()["lag"], "the lag to be measured again")
        assert gauge(relay, LAG) == "0.0"


def failures(relay: RelayProcess) -> float:
    """How many steps failed because of the database."""
    return float(gauge(relay, 'outbox_relay_failures_total{kind="database",source="test"}') or 0)


def gauge(relay: RelayProcess, series: str) -> str:
    """The value of a series as it is exposed; empty when there is none."""
    lines = httpx.get(f"{relay.url}/metrics", timeout=5).text.splitlines()
    return next((line.rpartition(" ")[2] for line in lines if line.startswith(f"{series} ")), "")
