"""SOLAPI's double: signatures, registration, results and the list of messages."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.provider_sandbox.doubles import TEMPLATE, Doubles, order_text
from tests.integration.provider_sandbox.solapi_client import SolapiClient, a_message, authorization


@pytest.fixture
def solapi(doubles: Doubles) -> SolapiClient:
    return SolapiClient(doubles.http)


@pytest.mark.parametrize("header", ["", "Bearer token", "HMAC-SHA256 apiKey=SANDBOXSOLAPIKEY"])
def test_a_request_without_a_signature_is_unauthorized(solapi: SolapiClient, header: str) -> None:
    reply = solapi.call("GET", "/list", auth=header)

    assert (reply.status_code, reply.json()["errorCode"]) == (401, "Unauthorized")


@pytest.mark.parametrize(
    ("wrong", "status", "error"),
    [
        ({"key": "OTHER"}, 401, "InvalidApiKey"),
        ({"secret": "wrong"}, 403, "SignatureDoesNotMatch"),
        ({"salt": "short"}, 400, "ValidationError"),
        ({"age_seconds": 16 * 60}, 403, "RequestTimeTooSkewed"),
        ({"age_seconds": -16 * 60}, 403, "RequestTimeTooSkewed"),
    ],
)
def test_a_request_without_a_good_signature_is_refused(
    solapi: SolapiClient, wrong: dict[str, Any], status: int, error: str
) -> None:
    # Signed now and not when the tests are collected, which may be minutes ago.
    reply = solapi.call("GET", "/list", auth=authorization(**wrong))

    assert (reply.status_code, reply.json()["errorCode"]) == (status, error)
    assert reply.json()["errorMessage"]


@pytest.mark.parametrize("age_seconds", [14 * 60, -14 * 60])
def test_a_clock_that_differs_by_less_than_15_minutes_is_fine(solapi: SolapiClient, age_seconds: int) -> None:
    assert solapi.call("GET", "/list", auth=authorization(age_seconds=age_seconds)).status_code == 200


def test_a_signature_is_good_for_one_request(solapi: SolapiClient) -> None:
    header = authorization()

    first, second = (solapi.call("GET", "/list", auth=header) for _ in range(2))

    assert (first.status_code, second.status_code) == (200, 403)
    assert second.json()["errorCode"] == "DuplicatedSignature"


def test_a_message_is_accepted_handed_on_and_done(doubles: Doubles, solapi: SolapiClient) -> None:
    doubles.control(solapi={"resultDelayMs": 60_000})

    (accepted,) = solapi.send()

    assert (accepted["statusCode"], accepted["customFields"]) == ("2000", {"reference": "event-1"})
    message_id = accepted["messageId"]
    assert solapi.only(messageId=message_id)["statusCode"] == "3000"
    doubles.pass_time(60)
    message = solapi.only(messageId=message_id)
    assert message["statusCode"] == "4000"
    assert (message["text"], message["customFields"]) == (order_text(), {"reference": "event-1"})
    assert doubles.totals("solapi")["delivered"] == 1


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (a_message(options={"pfId": "OTHER"}), "1041"),
        (a_message(options={"templateId": "OTHER"}), "1042"),
        (a_message(options={"variables": {"#{name}": "김하늘"}}), "1043"),
        (a_message(options={"variables": {"name": "김하늘"}}), "1043"),
        (a_message(options={"variables": None}, text="다른 글"), "1043"),
        ({**a_message(), "from": "0299999999"}, "1062"),
    ],
)
def test_what_registration_refuses_has_a_code(
    doubles: Doubles, solapi: SolapiClient, message: dict[str, Any], expected: str
) -> None:
    assert [each["statusCode"] for each in solapi.send(message)] == [expected]
    assert doubles.totals("solapi")["accepted"] == 0


def test_a_finished_text_is_accepted_in_place_of_variables(doubles: Doubles, solapi: SolapiClient) -> None:
    solapi.send(a_message(options={"variables": None}, text=order_text("019a-7")))

    assert doubles.messages()[0]["variables"]["orderId"] == "019a-7"


def test_some_messages_of_a_request_fail_alone(doubles: Doubles, solapi: SolapiClient) -> None:
    doubles.control(solapi={"refusedRecipients": {"01000000002": "1060"}})

    registered = solapi.send(a_message("01000000001"), a_message("01000000002"), a_message("01000000003"))

    assert [each["statusCode"] for each in registered] == ["2000", "1060", "2000"]
    assert doubles.totals("solapi")["accepted"] == 2


def test_an_unapproved_template_is_refused(doubles: Doubles, solapi: SolapiClient) -> None:
    doubles.unapprove(TEMPLATE)

    assert [each["statusCode"] for each in solapi.send()] == ["1042"]


def test_an_exhausted_balance_refuses_messages(doubles: Doubles, solapi: SolapiClient) -> None:
    doubles.control(solapi={"messagesLeft": 0})

    assert [each["statusCode"] for each in solapi.send(a_message("01000000001"))] == ["1030"]
    doubles.control(solapi={"resultDelayMs": 0, "resultCode": "2230"})
    solapi.send(a_message("01000000003"))
    assert solapi.only(to="01000000003")["statusCode"] == "2230"


def test_an_unknown_state_is_neither_delivered_nor_failed(doubles: Doubles, solapi: SolapiClient) -> None:
    doubles.control(solapi={"resultDelayMs": 0, "resultCode": "3014"})

    solapi.send()

    assert solapi.only()["statusCode"] == "3014"
    assert doubles.totals("solapi") == {"accepted": 1, "delivered": 0, "failed": 0, "doubledReferences": 0}


def test_an_invalid_number_fails_only_later(doubles: Doubles, solapi: SolapiClient) -> None:
    doubles.control(solapi={"resultDelayMs": 0})

    assert [each["statusCode"] for each in solapi.send(a_message("021234567"))] == ["2000"]
    assert solapi.only()["statusCode"] == "3010"


@pytest.mark.parametrize(("disabled", "last"), [(False, "4000"), (True, "3104")])
def test_an_sms_replaces_a_message_unless_disabled(
    doubles: Doubles, solapi: SolapiClient, disabled: bool, last: str
) -> None:
    doubles.control(solapi={"resultDelayMs": 0, "fallbackDelayMs": 60_000, "resultCode": "3104"})
    solapi.send(a_message(options={"disableSms": disabled}))
    first = solapi.only()

    doubles.pass_time(60)
    message = solapi.only()

    assert message["statusCode"] == last
    assert (first["statusCode"], first["replacement"]) == ("3104", not disabled)
    assert (message["type"], message["replacement"]) == ("ATA" if disabled else "LMS", not disabled)


def test_the_list_is_filtered_by_fields_and_dates(doubles: Doubles, solapi: SolapiClient) -> None:
    ids = [each["messageId"] for at in range(3) for each in solapi.send(a_message(f"0100000000{at}"))]
    soon = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()

    assert list(solapi.list(messageId=ids[1])) == [ids[1]]
    assert list(solapi.list(**{"messageIds[]": ids[:2]})) == ids[:2]
    assert list(solapi.list(to="01000000002")) == [ids[2]]
    assert list(solapi.list(endDate=soon)) == ids
    assert solapi.list(startDate=soon) == {}
    page = solapi.call("GET", "/list", limit=2).json()
    assert list(page["messageList"]) == ids[:2]
    rest = solapi.call("GET", "/list", limit=2, startKey=page["nextKey"]).json()
    assert (list(rest["messageList"]), rest["nextKey"]) == (ids[2:], None)


@pytest.mark.parametrize(
    "body",
    [
        {"messages": []},
        {"messages": [a_message(type="SMS")]},
        {"messages": [a_message(customFields={"k" * 31: "v"})]},
        {"messages": [a_message(customFields={"k": "v" * 101})]},
        {"messages": [a_message(unknown=1)]},
        [],
    ],
)
def test_an_invalid_body_is_a_validation_error(solapi: SolapiClient, body: Any) -> None:
    reply = solapi.call("PUT", f"/groups/{solapi.new_group()}/messages", body)

    assert (reply.status_code, reply.json()["errorCode"]) == (400, "ValidationError")
