import pytest

from order_service.domain.payment_outcome import Approved, Declined, NeverHappened, Undecided
from order_service.gateways.in_process import InProcessGateway
from tests.support.order_builders import NOON, a_request


@pytest.mark.parametrize(
    ("payment_key", "approve", "find"),
    [
        ("pay-1", Approved, Approved),
        ("decline-1", Declined, Declined),
        ("timeout-approved-1", Undecided, Approved),
        ("timeout-lost-1", Undecided, NeverHappened),
    ],
)
def test_the_payment_key_decides(payment_key: str, approve: type, find: type) -> None:
    request = a_request(payment_key)
    assert isinstance(InProcessGateway().approve(request), approve)
    # Another instance, as in another process: nothing is remembered.
    assert isinstance(InProcessGateway().find(request, NOON), find)


def test_approval_and_look_up_tell_the_same_time() -> None:
    request = a_request("pay-1")
    assert InProcessGateway().approve(request) == InProcessGateway().find(request, NOON)
