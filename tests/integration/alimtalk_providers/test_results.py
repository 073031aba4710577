"""The final result, by asking for it."""

from itertools import groupby

import pytest

from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import ProviderResult, ResultState
from tests.integration.alimtalk_providers.connection import Connection
from tests.integration.alimtalk_providers.providers import PROVIDERS
from tests.integration.provider_sandbox.nhn_client import NhnClient, a_recipient
from tests.integration.provider_sandbox.solapi_client import SolapiClient
from tests.integration.provider_sandbox.solapi_client import a_message as a_solapi_message
from tests.support.notification_builders import (
    a_completed_order,
    a_message_for,
    an_awaited_result,
)

DELAY_MS = 60_000


def result(connection: Connection, message_id: str, reference: str) -> ProviderResult:
    found = connection.result(message_id, reference)
    assert found is not None
    return found


def send_with_fallback(connection: Connection, reference: str) -> str:
    """Another client of the account leaves the SMS in place of a message on, which our adapters turn off."""
    if connection.provider.name == "nhn":
        recipient = a_recipient(key=reference, resendParameter={"isResend": True})
        return NhnClient(connection.doubles.http).request_id(recipient, senderGroupingKey=reference[:11])
    client = SolapiClient(connection.doubles.http)
    client.send(a_solapi_message(reference=reference))
    return str(client.only()["messageId"])


@pytest.mark.parametrize("kind", ["delivered", "unreachable", "unsure"])
def test_a_result_is_pending_and_then_final(
    reporting: Connection, message: AlimtalkMessage, kind: str
) -> None:
    code = str(getattr(reporting.reports, kind))
    states = {
        "delivered": ResultState.DELIVERED,
        "unreachable": ResultState.FAILED if reporting.reports.tells_failures else ResultState.UNKNOWN,
        "unsure": ResultState.UNKNOWN,
    }
    reporting.control(resultCode=code, resultDelayMs=DELAY_MS)
    message_id = reporting.send(message)

    assert result(reporting, message_id, message.reference).state is ResultState.ACCEPTED

    reporting.doubles.pass_time(DELAY_MS / 1000 + 1)
    final = result(reporting, message_id, message.reference)
    reference = message.reference if reporting.reports.returns_reference else None
    assert final == ProviderResult(message_id, reference, states[kind], code)
    # However it ended, the message was accepted once and isn't sent again.
    if reporting.adapter.can_look_up:
        assert reporting.find(message) == message_id


def test_a_message_that_the_provider_does_not_know_has_no_result(
    reporting: Connection, message: AlimtalkMessage
) -> None:
    assert reporting.result("20261130000000UNKNOWN", message.reference) is None


def test_results_of_many_messages_take_few_calls_where_there_are_lists(reporting: Connection) -> None:
    messages = [a_message_for(a_completed_order()) for _ in range(60)]
    reporting.control(resultDelayMs=0)
    accepted = {reporting.send(message): message.reference for message in messages}
    reporting.wire.calls.clear()

    adapter = reporting.adapter
    awaited = [an_awaited_result(message_id, reference) for message_id, reference in accepted.items()]
    size = adapter.results_at_once
    together = [list(each) for _, each in groupby(awaited, key=adapter.asked_together)]
    results = [
        result
        for each in together
        for start in range(0, len(each), size)
        for result in adapter.results(each[start : start + size]).results
    ]

    assert {found.message_id: found.state for found in results} == dict.fromkeys(
        accepted, ResultState.DELIVERED
    )
    assert len(reporting.wire.calls) <= reporting.reports.calls_for_60


@pytest.mark.parametrize("fails", [False, True], ids=["sms-arrives", "sms-fails"])
def test_an_sms_in_place_of_the_message_ends_its_result(
    posting: Connection, message: AlimtalkMessage, fails: bool
) -> None:
    code = posting.reports.unreachable
    posting.control(resultCode=code, resultDelayMs=DELAY_MS, fallbackDelayMs=DELAY_MS, fallbackFails=fails)
    message_id = send_with_fallback(posting, message.reference)

    assert result(posting, message_id, message.reference).state is ResultState.ACCEPTED
    posting.doubles.pass_time(DELAY_MS / 1000 + 1)
    between = result(posting, message_id, message.reference)
    posting.doubles.pass_time(DELAY_MS / 1000 + 1)
    final = result(posting, message_id, message.reference)

    # SOLAPI shows the message's own failure until the SMS has a result.
    is_nhn = posting.provider.name == "nhn"
    assert (between.state, between.by_sms) == (
        (ResultState.ACCEPTED, True) if is_nhn else (ResultState.FAILED, False)
    )
    assert (final.state, final.by_sms) == (ResultState.FAILED if fails else ResultState.DELIVERED, True)


def test_our_messages_are_never_replaced_by_sms(reporting: Connection, message: AlimtalkMessage) -> None:
    reporting.control(resultCode=reporting.reports.unreachable, resultDelayMs=0, fallbackDelayMs=0)

    message_id = reporting.send(message)
    reporting.doubles.pass_time(60)

    final = result(reporting, message_id, message.reference)
    failed = ResultState.FAILED if reporting.reports.tells_failures else ResultState.UNKNOWN
    assert (final.state, final.by_sms) == (failed, False)


def test_each_of_the_real_providers_is_asked_for_results(connection: Connection) -> None:
    assert connection.adapter.results_at_once > 0
    assert [provider.name for provider in PROVIDERS if provider.reports] == ["nhn", "solapi", "sens", "aligo"]
