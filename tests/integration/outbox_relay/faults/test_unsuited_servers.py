"""Given a standby, or a pooler that shares its sessions out, a relay says so in one sentence and waits."""

from pathlib import Path

import pytest

from devstack.postgresql import PostgresqlServer
from tests.support.databases import RELAY_ROLE, make_roles
from tests.support.pgbouncer import a_pgbouncer
from tests.support.relay.delivery_check import check_all_arrived, receive
from tests.support.relay.fleet import a_relay_of, failing, wait_for_parts, wait_until_idle, wait_until_ready
from tests.support.relay.outbox import Outbox, an_outbox
from tests.support.relay.process import a_relay_process
from tests.support.standby import a_primary_and_its_standby
from tests.support.waiting import wait_until

SHARED = "A pooler shares sessions out by transaction; the relay needs a direct or session-pooled connection."


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_pooler_that_shares_sessions_is_refused_and_no_lock_is_left_there(
    outbox: Outbox, postgresql_server: PostgresqlServer, server_directory: Path, unique: str,
    kafka_bootstrap_servers: str, tmp_path: Path, mode: str,
) -> None:  # fmt: skip
    with a_pgbouncer(server_directory / f"pgbouncer-{unique}", postgresql_server, mode) as bouncer:
        sources = {"test": bouncer.url(outbox.relay_url)}
        with a_relay_process(tmp_path, kafka_bootstrap_servers, sources) as relay:
            wait_until(lambda: SHARED in failing(relay).get("test.database", ""), "readiness to say why")
            assert SHARED in [line.get("reason") for line in relay.logged("warning")]
            outbox.append("a")
            relay.kill()
        with a_relay_of(outbox, tmp_path, kafka_bootstrap_servers) as direct:
            wait_for_parts([direct], [1])
            check_all_arrived(outbox, kafka_bootstrap_servers)


def test_pooler_that_keeps_sessions_apart_is_good_enough(
    outbox: Outbox, postgresql_server: PostgresqlServer, server_directory: Path, unique: str,
    kafka_bootstrap_servers: str, tmp_path: Path,
) -> None:  # fmt: skip
    directory = server_directory / f"pgbouncer-{unique}"
    # The relay holds several sessions for each source.
    with a_pgbouncer(directory, postgresql_server, "session", default_pool_size=20) as bouncer:
        sources = {"test": bouncer.url(outbox.relay_url)}
        with a_relay_process(tmp_path, kafka_bootstrap_servers, sources) as relay:
            relay.wait_to_lead()
            outbox.append_many(50)
            wait_until_idle(outbox)
            wait_until_ready(relay)
            relay.kill()
        with a_relay_of(outbox, tmp_path, kafka_bootstrap_servers) as successor:
            wait_for_parts([successor], [1])
            check_all_arrived(outbox, kafka_bootstrap_servers)


def test_standby_is_refused_until_it_is_promoted(
    server_directory: Path, unique: str, topic: str, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    with a_primary_and_its_standby(server_directory / f"own-{unique}") as (primary, standby):
        make_roles(primary.url())
        sources = {"test": standby.url(user=RELAY_ROLE)}
        with an_outbox(primary.url(), topic) as outbox:
            outbox.append_many(20)
            standby.wait_for(primary)
            with a_relay_process(tmp_path, kafka_bootstrap_servers, sources) as relay:
                # Readiness names no addresses; the log does.
                expected = "/postgres is a standby"
                wait_until(
                    lambda: expected in failing(relay).get("test.database", ""), "readiness to say why"
                )
                warnings = [line.get("reason", "") for line in relay.logged("warning")]
                assert any(f"127.0.0.1{expected}" in reason for reason in warnings)
                primary.kill()
                standby.promote()

                relay.wait_to_lead()
                assert receive(kafka_bootstrap_servers, topic, 20).total == 20
