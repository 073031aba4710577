"""A payment stays with its gateway, whichever one new payments go to."""

import pytest

from order_service.domain.errors import GatewayMisconfigured
from order_service.domain.payment_outcome import Approved
from order_service.gateways.configured import ConfiguredGateways
from order_service.gateways.in_process import InProcessGateway
from tests.support.order_builders import NOON, a_refund, a_request


def test_the_payments_own_gateway_is_asked() -> None:
    gateways = ConfiguredGateways("toss", {"in-process": InProcessGateway()})
    request = a_request("pay-1", gateway="in-process")

    assert gateways.name == "toss"
    assert gateways.approve(request) == gateways.find(request, NOON) == Approved(NOON)
    assert gateways.refund(a_refund(request)) == gateways.find_refund(a_refund(request))


@pytest.mark.parametrize("missing", ["toss", "portone"])
def test_no_other_gateway_is_asked_in_place_of_one_that_is_missing(missing: str) -> None:
    gateways = ConfiguredGateways("in-process", {"in-process": InProcessGateway()})
    request = a_request("pay-1", gateway=missing)

    with pytest.raises(GatewayMisconfigured):
        gateways.approve(request)
    with pytest.raises(GatewayMisconfigured):
        gateways.find(request, NOON)
    with pytest.raises(GatewayMisconfigured):
        gateways.refund(a_refund(request))
    with pytest.raises(GatewayMisconfigured):
        gateways.find_refund(a_refund(request))
