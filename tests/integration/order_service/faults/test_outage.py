"""PostgreSQL goes away and comes back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from devstack.postgresql import PostgresqlServer
from tests.integration.order_service.shop import Shop, open_shop, slug
from tests.support.databases import fresh_database, make_roles
from tests.support.servers import a_postgresql_server
from tests.support.service_databases import migrate_orders


@pytest.fixture
def own_server(server_directory: Path, unique: str) -> Iterator[PostgresqlServer]:
    """A server that a test may stop."""
    with a_postgresql_server(server_directory / f"own-{unique}") as server:
        make_roles(server.url())
        yield server


@pytest.fixture
def shop(own_server: PostgresqlServer) -> Iterator[Shop]:
    with fresh_database(own_server.url()) as name:
        url = own_server.url(database=name)
        migrate_orders(url)
        with open_shop(url) as shop:
            yield shop


def test_clients_are_asked_to_come_again_and_can(own_server: PostgresqlServer, shop: Shop) -> None:
    order_id = shop.placed()
    own_server.stop()
    refused = [
        shop.place(key="k-1"),
        shop.pay(order_id, key="k-2"),
        shop.client.get(f"/api/v1/orders/{order_id}"),
    ]
    readiness = shop.client.get("/readyz")
    own_server.start()

    for reply in refused:
        _check_come_again(reply)
    assert readiness.status_code == 503
    assert readiness.get_json()["checks"]["database"]["status"] == "failed"
    assert shop.client.get("/readyz").status_code == 200
    assert shop.place(key="k-1").status_code == 201
    assert shop.pay(order_id, key="k-2").status_code == 201
    assert (shop.count("orders"), len(shop.events()), len(shop.gateway.charged)) == (2, 1, 1)


def test_a_charge_while_the_database_was_away_is_completed_by_a_retry(
    own_server: PostgresqlServer, shop: Shop
) -> None:
    order_id = shop.placed()

    def lose_the_database(_: object) -> None:
        own_server.stop()

    shop.gateway.before_charging = lose_the_database
    charged = shop.pay(order_id, key="k-1")
    shop.gateway.before_charging = lambda request: None
    own_server.start()

    _check_come_again(charged)
    assert (shop.payment_statuses(), len(shop.gateway.charged)) == (["REQUESTED"], 1)
    assert shop.pay(order_id, key="k-1").status_code == 201
    assert (len(shop.events()), len(shop.gateway.charged)) == (1, 1)


def _check_come_again(reply: TestResponse) -> None:
    assert (reply.status_code, slug(reply)) == (503, "database-unavailable")
    assert int(reply.headers["Retry-After"]) > 0
