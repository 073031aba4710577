"""What failed by a fault of the provider, or of our account, is sent again and never given up for it."""

from dataclasses import replace

import httpx
import pytest

from notification_service.alimtalk.refusals import refusal, refused_by_status
from notification_service.alimtalk_settings import AlimtalkSettings
from notification_service.domain.after_failure import outcome_of_failure
from notification_service.domain.alimtalk_codes import codes_of
from notification_service.domain.alimtalk_results import CodeClass
from notification_service.domain.attempt import GivenUp, RetryLater
from notification_service.domain.awaited_result import Settlement
from notification_service.domain.delivery import DeliveryStatus, Effect
from notification_service.domain.errors import DeliveryFailed, ProviderStopped, ReceiverUnavailable
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.final_result import is_sent_again, stops_provider
from notification_service.domain.retry_policy import RetryPolicy
from servicekit.identifiers import uuid7
from tests.support.notification_builders import a_delivery

NOT_DELIVERED = FailureReason.NOT_DELIVERED


def a_settlement(code: str | None, *, status: str = "FAILED", by_sms: bool = False) -> Settlement:
    return Settlement(uuid7(), DeliveryStatus(status), code, by_sms, NOT_DELIVERED)


@pytest.mark.parametrize(
    ("provider", "code", "again", "stops"),
    [
        ("nhn", "9998", True, False),
        ("nhn", "4156", True, True),
        ("nhn", "3019", False, False),
        ("nhn", "3016", True, False),
        ("nhn", "3008", False, False),
        ("solapi", "3012", True, False),
        ("solapi", "2230", True, True),
        ("solapi", "3105", True, False),
        ("solapi", "3107", False, False),
        ("solapi", "no such code", False, False),
        ("sens", "3012", True, False),
        ("aligo", "1", False, False),
        ("sandbox", "9998", False, False),
        ("nhn", None, False, False),
    ],
)
def test_the_code_of_a_result_says_whose_fault_it_is(
    provider: str, code: str | None, again: bool, stops: bool
) -> None:
    settlement, codes = a_settlement(code), codes_of(provider)

    assert (is_sent_again(settlement, codes), stops_provider(settlement, codes)) == (again, stops)


@pytest.mark.parametrize(
    "settlement", [a_settlement("9998", status="DELIVERED"), a_settlement("9998", by_sms=True)]
)
def test_what_arrived_or_was_an_sms_is_not_sent_again(settlement: Settlement) -> None:
    assert not is_sent_again(settlement, codes_of("nhn"))


def test_waiting_for_a_human_is_no_reason_to_give_up() -> None:
    delivery = replace(a_delivery(attempt=50), age_seconds=48 * 3600.0)
    stopped = ProviderStopped(FailureReason.UNEXPECTED_REPLY, "", code="-1017")
    away = ReceiverUnavailable(FailureReason.RECEIVER_UNREACHABLE, "")

    outcomes = [
        outcome_of_failure(Effect.ALIMTALK, delivery, failure, RetryPolicy(), 0.5)
        for failure in (stopped, away)
    ]

    assert [type(outcome) for outcome in outcomes] == [RetryLater, GivenUp]


@pytest.mark.parametrize(
    "failure",
    [
        refusal("NHN", "-1017", CodeClass.STOP_AND_ALARM, ""),
        refused_by_status("NHN", httpx.Response(401, request=httpx.Request("POST", "http://nhn"))),
    ],
    ids=["code", "status"],
)
def test_a_wait_for_a_human_has_a_reason_of_its_own(failure: DeliveryFailed) -> None:
    """Distinguishes the time that it takes."""
    assert (type(failure), failure.reason) == (ProviderStopped, FailureReason.PROVIDER_STOPPED)


@pytest.mark.parametrize(("messages_per_second", "limit"), [(None, 300.0), (12.5, 12.5)])
def test_each_provider_has_a_limit_unless_one_is_set(messages_per_second: float | None, limit: float) -> None:
    settings = AlimtalkSettings.model_construct(
        alimtalk_provider="nhn", alimtalk_messages_per_second=messages_per_second
    )

    assert settings.alimtalk_first.messages_per_second == limit
