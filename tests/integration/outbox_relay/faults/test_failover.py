"""The primary is lost and its standby promoted: the relay goes on with the new primary."""

from dataclasses import replace
from pathlib import Path

from sqlalchemy import create_engine, make_url
from sqlalchemy.pool import NullPool

from tests.support.databases import RELAY_ROLE, make_roles
from tests.support.relay.delivery_check import check_all_arrived
from tests.support.relay.fleet import wait_until_ready
from tests.support.relay.outbox import an_outbox
from tests.support.relay.process import a_relay_process
from tests.support.standby import a_primary_and_its_standby, url_of_both


def test_of_two_hosts_the_promoted_one_is_read_next(
    server_directory: Path, unique: str, topic: str, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    with a_primary_and_its_standby(server_directory / f"own-{unique}") as (primary, standby):
        make_roles(primary.url())
        url = url_of_both(standby, primary, user=RELAY_ROLE)
        with (
            an_outbox(primary.url(), topic) as outbox,
            a_relay_process(tmp_path, kafka_bootstrap_servers, {"test": url}) as relay,
        ):
            relay.wait_to_lead()
            outbox.append_many(50)
            check_all_arrived(outbox, kafka_bootstrap_servers)
            standby.wait_for(primary)
            primary.kill()
            standby.promote()

            engine = create_engine(
                make_url(standby.url()).set(drivername="postgresql+psycopg2"), poolclass=NullPool
            )
            promoted = replace(outbox, engine=engine)
            promoted.append_many(50)
            check_all_arrived(promoted, kafka_bootstrap_servers)

            wait_until_ready(relay)
            assert relay.logged("error", "critical") == []
