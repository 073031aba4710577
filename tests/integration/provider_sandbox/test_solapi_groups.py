"""SOLAPI's groups, which stand in for an idempotency key."""

import httpx
import pytest

from tests.integration.provider_sandbox.doubles import Doubles
from tests.integration.provider_sandbox.solapi_client import SolapiClient, a_message


@pytest.fixture
def solapi(doubles: Doubles) -> SolapiClient:
    return SolapiClient(doubles.http)


def test_a_group_is_pending_then_sending_then_complete(doubles: Doubles, solapi: SolapiClient) -> None:
    doubles.control(solapi={"resultDelayMs": 60_000})
    group_id = solapi.a_group(a_message("01000000001"), a_message("01000000002"))
    pending = solapi.group(group_id)

    sending = solapi.send_group(group_id).raise_for_status().json()

    assert (pending["status"], pending["count"]["total"], pending["count"]["sentTotal"]) == ("PENDING", 2, 0)
    assert (sending["status"], sending["count"]["sentPending"]) == ("SENDING", 2)
    assert pending["customFields"] == {"reference": "event-1"}
    doubles.pass_time(60)
    complete = solapi.group(group_id)
    assert (complete["status"], complete["count"]["sentSuccess"]) == ("COMPLETE", 2)


def test_messages_of_an_unsent_group_are_registered_and_not_sent(
    doubles: Doubles, solapi: SolapiClient
) -> None:
    doubles.control(solapi={"resultDelayMs": 0})

    group_id = solapi.a_group()

    assert doubles.totals("solapi")["accepted"] == 0
    assert solapi.only(groupId=group_id)["statusCode"] == "2000"
    assert [each["stage"] for each in doubles.messages()] == ["UNSENT"]


def test_refused_messages_stay_in_the_group_unsent(doubles: Doubles, solapi: SolapiClient) -> None:
    group_id = solapi.a_group(a_message("01000000001"))
    added = solapi.add(group_id, a_message("01000000002", options={"templateId": "OTHER"}))

    solapi.send_group(group_id).raise_for_status()

    assert (added["errorCount"], added["resultList"][0]["statusCode"]) == (1, "1042")
    assert solapi.group(group_id)["count"]["registeredFailed"] == 1
    assert doubles.totals("solapi")["accepted"] == 1


def test_a_second_send_is_refused_unless_set_otherwise(doubles: Doubles, solapi: SolapiClient) -> None:
    group_id = solapi.a_group()

    first, second = solapi.send_group(group_id), solapi.send_group(group_id)

    assert (first.status_code, second.status_code) == (200, 400)
    assert doubles.totals("solapi")["doubledReferences"] == 0


def test_a_second_send_sends_again_on_demand(doubles: Doubles, solapi: SolapiClient) -> None:
    doubles.control(solapi={"secondSend": "sends-again"})
    group_id = solapi.a_group()

    replies = [solapi.send_group(group_id).status_code for _ in range(2)]

    assert replies == [200, 200]
    totals = doubles.totals("solapi")
    assert (totals["accepted"], totals["doubledReferences"]) == (2, 1)
    assert [each["sends"] for each in doubles.messages(reference="event-1")] == [2]


def test_a_sent_group_takes_no_more_messages(solapi: SolapiClient) -> None:
    group_id = solapi.a_group()
    solapi.send_group(group_id)

    reply = solapi.call("PUT", f"/groups/{group_id}/messages", {"messages": [a_message()]})

    assert reply.status_code == 400


def test_unknown_and_empty_groups_are_not_found(solapi: SolapiClient) -> None:
    empty = solapi.call("POST", "/groups", {}).json()["groupId"]

    for reply in (solapi.send_group("G4V0"), solapi.call("GET", "/groups/G4V0"), solapi.send_group(empty)):
        assert (reply.status_code, reply.json()["errorCode"]) == (404, "ResourceNotFound")


def test_an_exhausted_balance_refuses_to_send_a_group(doubles: Doubles, solapi: SolapiClient) -> None:
    group_id = solapi.a_group(a_message("01000000001"), a_message("01000000002"))
    doubles.control(solapi={"messagesLeft": 1})

    reply = solapi.send_group(group_id)

    assert (reply.status_code, reply.json()["errorCode"]) == (402, "NotEnoughBalance")
    assert solapi.group(group_id)["status"] == "PENDING"
    doubles.control(solapi={})
    assert solapi.send_group(group_id).status_code == 200


def test_a_send_that_times_out_after_acceptance_shows_in_the_group(
    doubles: Doubles, solapi: SolapiClient
) -> None:
    doubles.control(
        solapi={
            "timeoutAfterAcceptNext": 1,
            "timeoutMs": 8_000,
            "faultsAt": "send-group",
            "resultDelayMs": 60_000,
        }
    )
    group_id = solapi.a_group()

    impatient = httpx.Client(base_url=doubles.url, timeout=0.5, trust_env=False)
    with impatient, pytest.raises(httpx.ReadTimeout):
        SolapiClient(impatient).send_group(group_id)

    assert solapi.group(group_id)["status"] == "SENDING"
    assert solapi.send_group(group_id).status_code == 400


def test_a_fault_at_one_call_leaves_the_others_alone(doubles: Doubles, solapi: SolapiClient) -> None:
    doubles.control(solapi={"failNext": 1, "faultsAt": "send-group"})
    group_id = solapi.a_group()

    assert [solapi.send_group(group_id).status_code for _ in range(2)] == [503, 200]


def test_a_second_message_to_a_number_is_refused_unless_allowed(
    doubles: Doubles, solapi: SolapiClient
) -> None:
    numbers = ["01000000001", "01000000001", "01000000002"]
    refusing, allowing = solapi.new_group(allow_duplicates=False), solapi.new_group()

    codes = [
        [each["statusCode"] for each in solapi.add(group_id, *map(a_message, numbers))["resultList"]]
        for group_id in (refusing, allowing)
    ]

    assert codes == [["2000", "1026", "2000"], ["2000"] * 3]


def test_a_deleted_group_can_not_be_sent_nor_a_sent_one_deleted(
    doubles: Doubles, solapi: SolapiClient
) -> None:
    doubles.control(solapi={"resultDelayMs": 60_000})
    deleted, sent = solapi.a_group(), solapi.a_group()
    solapi.send_group(sent).raise_for_status()

    statuses = [solapi.delete_group(each).status_code for each in (deleted, sent, "G-unknown")]

    assert statuses == [200, 400, 404]
    assert solapi.send_group(deleted).status_code == 400
    assert [solapi.group(each)["status"] for each in (deleted, sent)] == ["DELETED", "SENDING"]
    assert doubles.totals("solapi")["accepted"] == 1


def test_a_sent_group_can_be_deleted_on_demand_and_keeps_its_messages(
    doubles: Doubles, solapi: SolapiClient
) -> None:
    doubles.control(solapi={"deletesSent": True, "resultDelayMs": 60_000})
    group_id, unsent = solapi.a_group(), solapi.a_group()
    solapi.send_group(group_id).raise_for_status()

    reply = solapi.delete_group(group_id).raise_for_status().json()

    assert (reply["status"], reply["dateSent"] is not None) == ("DELETED", True)
    assert solapi.delete_group(unsent).json()["dateSent"] is None
    assert solapi.only(groupId=group_id)["statusCode"] == "3000"
    assert solapi.send_group(group_id).status_code == 400
    doubles.pass_time(60)
    assert solapi.only(groupId=group_id)["statusCode"] == "4000"
