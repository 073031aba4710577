"""A safe number can't get an alimtalk: SOLAPI sends it an SMS, once."""

from notification_service.application.write_alimtalk import WriteAlimtalk
from notification_service.domain.alimtalk_message import AlimtalkMessage
from tests.integration.alimtalk_providers.connection import Connection
from tests.integration.provider_sandbox.solapi_client import SolapiClient
from tests.support.notification_builders import TEMPLATES, a_completed_order, a_delivery


def a_message_to(phone: str) -> AlimtalkMessage:
    return WriteAlimtalk(TEMPLATES, has_sms=True)(a_delivery(a_completed_order(phone=phone)))


def test_a_safe_number_gets_one_sms_however_often_it_is_sent(solapi: Connection) -> None:
    message = a_message_to("0507-1234-5678")

    message_id = solapi.send(message)
    assert solapi.send(message) == solapi.find(message) == message_id
    solapi.doubles.pass_time(2)

    stored = SolapiClient(solapi.doubles.http).only()
    assert (stored["type"], stored["to"], stored["statusCode"]) == ("LMS", "050712345678", "4000")
    assert stored["text"] == message.content
    assert len(solapi.sent()) == 1
