"""PostgreSQL goes away and comes back."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from flask.testing import FlaskClient

from coupon_service.api import build_application
from devstack.postgresql import PostgresqlServer
from servicekit.lifecycle import StopSignal
from tests.integration.coupon_service.service import accepted, an_engine, count, create_coupon
from tests.support.databases import fresh_database, make_roles
from tests.support.servers import a_postgresql_server
from tests.support.service_databases import migrate_coupons


@pytest.fixture
def own_server() -> Iterator[PostgresqlServer]:
    """A server that a test may stop.

    Not in pytest's own folder: another run of pytest would shut it to the user that the server runs as.
    """
    with (
        TemporaryDirectory(prefix="coupon-outage-") as directory,
        a_postgresql_server(Path(directory) / "postgresql") as server,
    ):
        make_roles(server.url())
        yield server


def example_without_a_database(client: FlaskClient) -> dict[str, Any]:
    """The OpenAPI document's."""
    paths = client.get("/openapi.json").get_json()["paths"]
    refusals = paths["/api/v1/users/{userId}/coupons/{couponId}/issue"]["post"]["responses"]["503"]
    [content] = refusals["content"].values()
    example: dict[str, Any] = content["examples"]["no database"]["value"]
    return example


def test_clients_are_asked_to_retry_and_no_acceptance_is_lost(own_server: PostgresqlServer) -> None:
    with fresh_database(own_server.url()) as name:
        url = own_server.url(database=name)
        migrate_coupons(url)
        engine = an_engine(url)
        client = build_application(engine, StopSignal(), max_waiting=1).test_client()
        coupon_id = create_coupon(client)
        request_id = accepted(client, 7, coupon_id)

        own_server.stop()
        example = example_without_a_database(client)
        refused = client.post(
            f"/api/v1/users/8/coupons/{coupon_id}/issue", headers={"X-Request-Id": example["requestId"]}
        )
        unread = client.get(f"/api/v1/coupon-requests/{request_id}")
        readiness = client.get("/readyz")
        own_server.start()
        accepted(client, 9, coupon_id)

        for reply in (refused, unread):
            assert reply.status_code == 503
            assert reply.content_type == "application/problem+json"
            assert int(reply.headers["Retry-After"]) > 0
        assert refused.get_json() == example | {"instance": f"/api/v1/users/8/coupons/{coupon_id}/issue"}
        assert readiness.status_code == 503
        assert readiness.get_json()["checks"]["database"]["status"] == "failed"
        assert client.get("/readyz").status_code == 200
        assert (count(engine, "coupon_request"), count(engine, "outbox")) == (2, 2)
        engine.dispose()
