"""SENS: a request with several messages, and what its reply says of each."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from notification_service.application.ports import Sent
from notification_service.domain.errors import DeliveryRejected, NotSent, OutcomeUnknown
from tests.support.notification_builders import a_message
from tests.unit.notification_service.scripted_provider import Reply, ScriptedProvider, answered
from tests.unit.notification_service.test_sens import adapter

THREE = [a_message(reference=f"event-{n}", recipient_number=f"0101234000{n}") for n in (1, 2, 3)]


def result(number: int, code: str = "A000", **changes: Any) -> dict[str, Any]:
    return {"to": f"0101234000{number}", "messageId": f"M{number}", "requestStatusCode": code} | changes


def replied(*results: dict[str, Any]) -> Reply:
    return answered({"requestId": "R1", "statusCode": "202", "messages": list(results)}, 202)


def sent(*replies: Reply) -> Sequence[Sent]:
    return adapter(ScriptedProvider(*replies)).batches.send(THREE, lambda: True)


def test_messages_of_a_batch_are_in_one_request_and_keep_their_ids() -> None:
    provider = ScriptedProvider(replied(*map(result, (3, 1, 2))))

    assert adapter(provider).batches.send(THREE, lambda: True) == ["M1", "M2", "M3"]

    assert len(provider.calls) == 1
    body = provider.body()
    assert body["templateCode"] == "ORDER_COMPLETED"
    assert [each["to"] for each in body["messages"]] == [f"0101234000{n}" for n in (1, 2, 3)]
    assert {each["useSmsFailover"] for each in body["messages"]} == {False}


def test_a_refused_message_costs_the_others_nothing() -> None:
    first, second, third = sent(replied(result(1), result(2, "3008"), result(3)))

    assert (first, type(second), third) == ("M1", DeliveryRejected, "M3")


@pytest.mark.parametrize(
    ("results", "unknown"),
    [
        ((result(1), result(2)), {3}),
        ((result(1), result(2), result(3), result(3)), {3}),
        ((result(1), result(2), result(3, to="01012340004")), {3}),
        ((result(1), result(2), result(3, to=None)), {3}),
        ((result(1), result(2), result(3, messageId=None)), {3}),
        ((result(1), result(2, "B999"), result(3)), {2}),
        ((), {1, 2, 3}),
    ],
    ids=["short", "doubled", "other", "no-number", "no-id", "odd-code", "empty"],
)
def test_a_message_not_named_once_and_clearly_is_unknown(
    results: Sequence[dict[str, Any]], unknown: set[int]
) -> None:
    types = [type(each) for each in sent(replied(*results))]

    assert types == [OutcomeUnknown if n in unknown else str for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        (httpx.ReadTimeout, OutcomeUnknown),
        (answered({}, 502), OutcomeUnknown),
        (answered({}, 400), DeliveryRejected),
    ],
)
def test_what_holds_for_the_request_is_raised(reply: Reply, meaning: type[Exception]) -> None:
    with pytest.raises(meaning):
        sent(reply)


def test_nothing_is_posted_once_it_may_not_be_sent() -> None:
    provider = ScriptedProvider(replied(*map(result, (1, 2, 3))))

    with pytest.raises(NotSent):
        adapter(provider).batches.send(THREE, lambda: False)
    assert provider.requests == []
