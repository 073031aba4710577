"""What only PortOne has: test channels, stores, and a refusal that looks like a failure."""

import httpx
import pytest
from pydantic import SecretStr

from order_service.domain.errors import GatewayMisconfigured
from order_service.domain.payment_outcome import Declined, Undecided
from order_service.gateways.portone.api import PortoneApi
from order_service.gateways.portone.gateway import PortoneGateway
from provider_sandbox.gateways.portone.account import API_SECRET, STORE_ID
from tests.integration.payment_gateways.connection import ANSWERED, PATIENCE_SECONDS, Connection
from tests.integration.payment_gateways.gateways import PORTONE
from tests.integration.payment_gateways.steps import approve, authorised, taken
from tests.support.order_builders import NOON

pytestmark = pytest.mark.parametrize("connection", [PORTONE], indirect=True, ids=["portone"])


def an_adapter(
    connection: Connection,
    clients: dict[float, httpx.Client],
    *,
    is_test: bool = True,
    store_id: str = STORE_ID,
) -> PortoneGateway:
    client, url = clients[PATIENCE_SECONDS], f"{connection.url}/gateways/portone"
    api = PortoneApi(client, client, url, SecretStr(API_SECRET), store_id)
    return PortoneGateway(api, store_id, is_test=is_test)


def test_a_test_channel_pays_nothing_where_live_ones_are_expected(
    connection: Connection, clients: dict[float, httpx.Client]
) -> None:
    live = an_adapter(connection, clients, is_test=False)

    assert live.approve(connection.request) == Declined("INFORMATION_MISMATCH")
    assert connection.money() == 0

    authorised()(connection)
    taken(connection)
    assert live.find(connection.request, NOON + ANSWERED) == Undecided()


def test_another_store_is_a_fault_of_ours(connection: Connection, clients: dict[float, httpx.Client]) -> None:
    other = an_adapter(connection, clients, store_id="store-of-another-shop")

    with pytest.raises(GatewayMisconfigured):
        other.approve(connection.request)
    with pytest.raises(GatewayMisconfigured):
        other.find(connection.request, NOON + ANSWERED)
    with pytest.raises(GatewayMisconfigured):
        other.refund(connection.refund)
    assert connection.money() == 0


def test_a_refusal_has_the_code_of_the_buyers_bank(connection: Connection) -> None:
    authorised(decline_code="LIMIT_EXCEEDED")(connection)

    assert approve(connection) == Declined("LIMIT_EXCEEDED")
