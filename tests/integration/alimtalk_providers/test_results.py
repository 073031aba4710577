"""The final result, by asking for it."""

import pytest

from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import ProviderResult, ResultState
from tests.integration.alimtalk_providers.connection import Connection
from tests.integration.alimtalk_providers.providers import PROVIDERS, Reports
from tests.integration.provider_sandbox.nhn_client import NhnClient, a_recipient
from tests.integration.provider_sandbox.solapi_client import SolapiClient
from tests.integration.provider_sandbox.solapi_client import a_message as a_solapi_message

DELAY_MS = 60_000


def reports(connection: Connection) -> Reports:
    assert connection.provider.reports is not None
    return connection.provider.reports


def result(connection: Connection, message_id: str) -> ProviderResult:
    found = connection.reporting.result(message_id)
    assert found is not None
    return found


def send_with_fallback(connection: Connection) -> str:
    """Another client of the account leaves the SMS in place of a message on, which our adapters turn off."""
    if connection.provider.name == "nhn":
        recipient = a_recipient(resendParameter={"isResend": True})
        return NhnClient(connection.doubles.http).request_id(recipient)
    client = SolapiClient(connection.doubles.http)
    client.send_group(client.a_group(a_solapi_message())).raise_for_status()
    return str(client.only()["messageId"])


@pytest.mark.parametrize("kind", ["delivered", "unreachable", "unsure"])
def test_a_result_is_pending_and_then_final(
    reporting: Connection, message: AlimtalkMessage, kind: str
) -> None:
    code = str(getattr(reports(reporting), kind))
    states = {
        "delivered": ResultState.DELIVERED,
        "unreachable": ResultState.FAILED,
        "unsure": ResultState.UNKNOWN,
    }
    reporting.control(resultCode=code, resultDelayMs=DELAY_MS)
    message_id = reporting.send(message)

    assert result(reporting, message_id).state is ResultState.ACCEPTED

    reporting.doubles.pass_time(DELAY_MS / 1000 + 1)
    final = result(reporting, message_id)
    assert final == ProviderResult(message_id, message.reference, states[kind], code)
    # However it ended, the message was accepted once and isn't sent again.
    assert reporting.find(message) == message_id


def test_a_message_that_the_provider_does_not_know_has_no_result(reporting: Connection) -> None:
    assert reporting.reporting.result("20261130000000UNKNOWN") is None


@pytest.mark.parametrize("fails", [False, True], ids=["sms-arrives", "sms-fails"])
def test_an_sms_in_place_of_the_message_ends_its_result(reporting: Connection, fails: bool) -> None:
    code = reports(reporting).unreachable
    reporting.control(resultCode=code, resultDelayMs=DELAY_MS, fallbackDelayMs=DELAY_MS, fallbackFails=fails)
    message_id = send_with_fallback(reporting)

    assert result(reporting, message_id).state is ResultState.ACCEPTED
    reporting.doubles.pass_time(DELAY_MS / 1000 + 1)
    between = result(reporting, message_id)
    reporting.doubles.pass_time(DELAY_MS / 1000 + 1)
    final = result(reporting, message_id)

    # SOLAPI shows the message's own failure until the SMS has a result.
    is_nhn = reporting.provider.name == "nhn"
    assert (between.state, between.by_sms) == (
        (ResultState.ACCEPTED, True) if is_nhn else (ResultState.FAILED, False)
    )
    assert (final.state, final.by_sms) == (ResultState.FAILED if fails else ResultState.DELIVERED, True)


def test_our_messages_are_never_replaced_by_sms(reporting: Connection, message: AlimtalkMessage) -> None:
    reporting.control(resultCode=reports(reporting).unreachable, resultDelayMs=0, fallbackDelayMs=0)

    message_id = reporting.send(message)
    reporting.doubles.pass_time(60)

    final = result(reporting, message_id)
    assert (final.state, final.by_sms) == (ResultState.FAILED, False)


def test_only_nhn_and_solapi_report_results() -> None:
    assert [provider.name for provider in PROVIDERS if provider.reports] == ["nhn", "solapi"]
