"""The primary is lost and its standby promoted: the service finds the new primary by itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.postgresql import PostgresqlServer
from tests.integration.order_service.shop import open_shop, slug
from tests.support.databases import make_roles
from tests.support.service_databases import migrate_orders
from tests.support.standby import StandbyServer, a_primary_and_its_standby, url_of_both
from tests.support.tcp_proxy import TcpProxy

Servers = tuple[PostgresqlServer, StandbyServer]


@pytest.fixture
def servers(server_directory: Path, unique: str) -> Iterator[Servers]:
    with a_primary_and_its_standby(server_directory / f"own-{unique}") as servers:
        primary, standby = servers
        make_roles(primary.url())
        migrate_orders(primary.url())
        standby.wait_for(primary)
        yield servers


def test_of_two_hosts_the_one_that_can_be_written_to_is_used(servers: Servers) -> None:
    primary, standby = servers
    with open_shop(url_of_both(standby, primary)) as shop:
        kept = shop.placed()
        standby.wait_for(primary)
        primary.kill()
        refused = shop.place(key="k-1")
        unready = shop.client.get("/readyz")
        standby.promote()
        accepted = shop.place(key="k-1")

        assert (refused.status_code, slug(refused)) == (503, "database-unavailable")
        assert unready.status_code == 503
        assert accepted.status_code == 201
        assert shop.order(kept)["status"] == "PENDING_PAYMENT"
        assert shop.client.get("/readyz").status_code == 200
        assert shop.query("SHOW port") == [(str(standby.port),)]


def test_sessions_on_a_standby_leave_the_pool_also_where_they_only_read(servers: Servers) -> None:
    """Nothing fails there, so that they would read what is old for as long as they live."""
    primary, standby = servers
    with (
        TcpProxy(standby.port) as name,
        open_shop(standby.url().replace(str(standby.port), str(name.port))) as shop,
    ):
        assert shop.query("SELECT pg_is_in_recovery()") == [(True,)]
        name.lead_to(primary.port)
        assert shop.query("SELECT pg_is_in_recovery()") == [(False,)]
        assert shop.place().status_code == 201


def test_sessions_on_a_standby_leave_the_pool_when_it_is_promoted(servers: Servers) -> None:
    """As where a name leads to the standby for a while."""
    primary, standby = servers
    with open_shop(standby.url()) as shop:
        refused = [shop.place() for _ in range(5)]
        unready = shop.client.get("/readyz")
        primary.kill()
        standby.promote()
        accepted = [shop.place() for _ in range(5)]

    assert {(reply.status_code, slug(reply)) for reply in refused} == {(503, "database-unavailable")}
    assert "read-only" in unready.get_json()["checks"]["database"]["reason"]
    assert {reply.status_code for reply in accepted} == {201}
