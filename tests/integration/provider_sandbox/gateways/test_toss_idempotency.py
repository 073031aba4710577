"""Toss's idempotency keys: 15 days, byte for byte, whatever the body; test codes."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.provider_sandbox.gateways.toss_client import TossClient, refusal
from tests.support.gateway_sandbox import GatewaySandbox
from tests.support.waiting import wait_until

DAYS = 24 * 3600.0


def test_a_repeated_key_gets_the_first_reply_byte_for_byte(
    gateways: GatewaySandbox, toss: TossClient
) -> None:
    key = gateways.buyer_pays()

    first, second = (toss.confirm(key, key="key-1") for _ in range(2))

    assert first.is_success
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert gateways.payment()["chargedAmount"] == 15_000


def test_another_payment_under_the_same_key_gets_the_first_reply(
    gateways: GatewaySandbox, toss: TossClient
) -> None:
    first, second = gateways.buyer_pays(order_id="order-1"), gateways.buyer_pays(order_id="order-2")
    toss.confirm(first, "order-1", key="key-1").raise_for_status()

    reply = toss.confirm(second, "order-2", key="key-1").raise_for_status()

    assert reply.json()["paymentKey"] == first
    assert toss.status(second) == "IN_PROGRESS"


def test_refusals_are_repeated_although_the_body_was_corrected(
    gateways: GatewaySandbox, toss: TossClient
) -> None:
    key = gateways.buyer_pays()
    first = toss.confirm(key, amount=1, key="key-1")

    second = toss.confirm(key, key="key-1")

    assert refusal(second) == refusal(first) == (400, "INVALID_REQUEST")
    assert toss.status(key) == "IN_PROGRESS"


def test_a_key_lives_for_15_days(gateways: GatewaySandbox, toss: TossClient) -> None:
    key = gateways.buyer_pays()
    toss.confirm(key, key="key-1").raise_for_status()

    gateways.pass_time(15 * DAYS - 60)
    toss.confirm(key, key="key-1").raise_for_status()
    gateways.pass_time(120)

    assert refusal(toss.confirm(key, key="key-1")) == (400, "ALREADY_PROCESSED_PAYMENT")


def test_a_key_belongs_to_one_path(gateways: GatewaySandbox, toss: TossClient) -> None:
    key = gateways.buyer_pays()
    toss.confirm(key, key="key-1").raise_for_status()

    cancelled = [toss.cancel(key, key="key-1", cancelAmount=1_000) for _ in range(2)]

    assert [reply.json()["balanceAmount"] for reply in cancelled] == [14_000, 14_000]
    assert gateways.payment()["cancelledAmount"] == 1_000


def test_a_key_of_over_300_characters_is_refused(gateways: GatewaySandbox, toss: TossClient) -> None:
    key = gateways.buyer_pays()

    assert refusal(toss.confirm(key, key="k" * 301)) == (400, "INVALID_IDEMPOTENCY_KEY")
    assert toss.confirm(key, key="k" * 300).is_success


def test_a_key_in_use_is_refused_until_the_first_is_answered(
    gateways: GatewaySandbox, toss: TossClient
) -> None:
    key = gateways.buyer_pays()
    gateways.fault("toss", {"call": "confirm", "kind": "time-out"})

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(toss.confirm, key, key="key-1")
        wait_until(lambda: gateways.requests("toss")[0]["fault"], "the first request to pause")
        second = toss.confirm(key, key="key-1")
        gateways.control(toss={})
        answered = first.result()

    assert refusal(second) == (409, "IDEMPOTENT_REQUEST_PROCESSING")
    assert answered.is_success
    assert toss.confirm(key, key="key-1").content == answered.content


@pytest.mark.parametrize(("replays", "second"), [(False, 200), (True, 500)])
def test_whether_server_errors_are_repeated_can_be_set(
    gateways: GatewaySandbox, toss: TossClient, replays: bool, second: int
) -> None:
    gateways.fault("toss", {"call": "confirm", "kind": "error"}, replaysServerErrors=replays)
    key = gateways.buyer_pays()

    replies = [toss.confirm(key, key="key-1").status_code for _ in range(2)]

    assert replies == [500, second]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("FDS_ERROR", 403),
        ("PROVIDER_ERROR", 400),
        ("ALREADY_PROCESSED_PAYMENT", 400),
        ("FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING", 500),
        ("UNKNOWN_PAYMENT_ERROR", 500),
        ("NOT_FOUND_PAYMENT_SESSION", 404),
        ("A_CODE_OF_NEXT_YEAR", 400),
    ],
)
def test_a_test_code_gives_that_error_and_changes_nothing(
    gateways: GatewaySandbox, toss: TossClient, code: str, status: int
) -> None:
    key = gateways.buyer_pays()

    assert refusal(toss.confirm(key, test_code=code)) == (status, code)
    assert toss.status(key) == "IN_PROGRESS"


def test_a_provoked_409_is_not_the_first_reply(gateways: GatewaySandbox, toss: TossClient) -> None:
    key = gateways.buyer_pays()
    provoked = toss.confirm(key, key="key-1", test_code="IDEMPOTENT_REQUEST_PROCESSING")

    assert provoked.status_code == 409
    assert toss.confirm(key, key="key-1").is_success
