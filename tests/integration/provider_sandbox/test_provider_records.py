"""What the sandbox keeps of the providers: messages and requests, by reference, in pages, with totals."""

import pytest

from tests.integration.provider_sandbox.doubles import Doubles
from tests.integration.provider_sandbox.nhn_client import NhnClient, a_recipient
from tests.integration.provider_sandbox.sens_client import SensClient
from tests.integration.provider_sandbox.solapi_client import SolapiClient, a_message


@pytest.fixture
def nhn(doubles: Doubles) -> NhnClient:
    return NhnClient(doubles.http)


def test_messages_of_all_providers_are_found_by_reference(doubles: Doubles, nhn: NhnClient) -> None:
    nhn.send(a_recipient(key="event-1"), a_recipient(key="event-2"))
    SolapiClient(doubles.http).send(a_message(reference="event-1"))

    found = doubles.messages(reference="event-1")

    assert [each["provider"] for each in found] == ["nhn", "solapi"]
    assert [each["sends"] for each in found] == [1, 1]


def test_totals_are_those_of_each_provider(doubles: Doubles, nhn: NhnClient) -> None:
    doubles.control(nhn={"resultDelayMs": 0, "recipientResults": {"01000000002": "3018"}})
    nhn.send(a_recipient("01000000001", "event-1"), a_recipient("01000000002", "event-2"))
    doubles.control(nhn={"resultDelayMs": 60_000})
    nhn.send(a_recipient("01000000001", "event-1"))
    SensClient(doubles.http).send()

    totals = doubles.http.get("/records").json()["providers"]

    assert totals["nhn"] == {"accepted": 3, "delivered": 1, "failed": 1, "doubledReferences": 1}
    accepted = {provider: each["accepted"] for provider, each in totals.items()}
    assert accepted == {"nhn": 3, "solapi": 0, "sens": 1, "aligo": 0}


def test_a_request_is_kept_whatever_became_of_it(doubles: Doubles, nhn: NhnClient) -> None:
    doubles.control(nhn={"failNext": 1})
    nhn.post(key="key-1")
    nhn.post(key="key-1")
    doubles.http.get("/providers/nhn/alimtalk/v2.3/appkeys/wrong/messages?requestId=1%2F2")

    kept = doubles.requests("nhn")

    assert [(each["method"], each["status"], each["fault"]) for each in kept] == [
        ("POST", 503, "fail_next"),
        ("POST", 200, None),
        ("GET", 200, None),
    ]
    assert [each["idempotencyKey"] for each in kept] == ["key-1", "key-1", None]
    assert "ORDER_COMPLETED" in kept[0]["body"]
    assert kept[2]["target"].endswith("?requestId=1%2F2")


def test_messages_and_requests_come_in_pages(doubles: Doubles, nhn: NhnClient) -> None:
    for number in range(5):
        nhn.send(a_recipient(key=f"event-{number}"))

    for path, name in (("provider-messages", "messages"), ("provider-requests", "requests")):
        sizes, after = [], 0
        while after is not None:
            page = doubles.http.get(f"/records/{path}", params={"after": after, "limit": 2}).json()
            sizes.append(len(page[name]))
            after = page["next"]
        assert sizes == [2, 2, 1]


def test_deleting_the_records_forgets_all_but_templates(doubles: Doubles, nhn: NhnClient) -> None:
    doubles.put_template("SHIPPED", "출발했습니다.")
    templates = doubles.http.get("/templates").json()["templates"]
    nhn.send(key="key-1")

    doubles.http.delete("/records").raise_for_status()

    assert doubles.messages() == doubles.requests("nhn") == []
    assert nhn.send(key="key-1")["header"]["resultCode"] == 0
    assert doubles.http.get("/templates").json()["templates"] == templates
    assert "SHIPPED" in {template["code"] for template in templates}


def test_a_template_that_is_added_can_be_sent(doubles: Doubles, nhn: NhnClient) -> None:
    doubles.put_template("SHIPPED", "#{name}님, #{name}님의 상품이 출발했습니다.")

    nhn.send(a_recipient(templateParameter={"name": "김하늘"}), templateCode="SHIPPED")

    assert doubles.messages()[0]["content"] == "김하늘님, 김하늘님의 상품이 출발했습니다."


def test_our_own_alimtalk_api_does_not_count_as_a_provider(doubles: Doubles) -> None:
    message = {
        "reference": "event-1",
        "templateCode": "ORDER_COMPLETED",
        "recipientNo": "01012345678",
        "content": "주문완료",
    }
    doubles.http.post("/alimtalk/v1/messages", json=message).raise_for_status()

    totals = doubles.http.get("/records").json()

    assert totals["messages"] == 1
    assert {each["accepted"] for each in totals["providers"].values()} == {0}
