"""NHN: a request with several messages, and their ids in replies, lists, webhooks and look-ups."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest
import structlog

from notification_service.alimtalk.nhn import parse_webhook
from notification_service.application.ports import Sent
from notification_service.domain.alimtalk_results import Answer, ResultState
from notification_service.domain.errors import (
    DeliveryRejected,
    EarlierRequestArrived,
    NotSent,
    OutcomeUnknown,
    ProviderStopped,
    TemplateRefused,
)
from tests.support.notification_builders import a_message, an_awaited_result
from tests.unit.notification_service.scripted_provider import Reply, ScriptedProvider, answered
from tests.unit.notification_service.test_nhn import (
    MESSAGES,
    SECRET,
    SUCCESS,
    adapter,
    found,
    header,
    hook,
    queries,
    stored,
    webhook,
)

THREE = [a_message(reference=f"event-{n}", recipient_number=f"0101234000{n}") for n in (1, 2, 3)]
GROUP = "batch-event-1"


def id_of(number: int) -> str:
    """Of a message of the batch."""
    return f"r-1/{number}/{GROUP}"


def result(number: int, code: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "recipientSeq": number,
        "recipientNo": f"0101234000{number}",
        "resultCode": code,
        "recipientGroupingKey": f"event-{number}",
    } | changes


def replied(*results: dict[str, Any], head: dict[str, Any] = SUCCESS, request_id: object = "r-1") -> Reply:
    return answered({"header": head, "message": {"requestId": request_id, "sendResults": list(results)}})


def sent(*replies: Reply) -> Sequence[Sent]:
    return adapter(ScriptedProvider(*replies)).batches.send(THREE, lambda: True)


def types(results: Sequence[Sent]) -> list[type]:
    return [type(each) for each in results]


def member(number: int, **changes: Any) -> dict[str, Any]:
    """As a list has a message of a batch."""
    own = {
        "recipientSeq": number,
        "senderGroupingKey": GROUP,
        "recipientGroupingKey": f"event-{number}",
    }
    return stored(**own | changes)


def test_messages_of_a_batch_are_recipients_of_one_request() -> None:
    provider = ScriptedProvider(replied(*map(result, (1, 2, 3))))

    assert adapter(provider).batches.send(THREE, lambda: True) == [id_of(1), id_of(2), id_of(3)]

    assert provider.calls == [f"POST {MESSAGES}"]
    assert provider.requests[0].headers["X-NC-API-IDEMPOTENCY-KEY"] == "event-1-batch"
    body = provider.body()
    assert (body["templateCode"], body["senderGroupingKey"]) == ("ORDER_COMPLETED", GROUP)
    assert [(each["recipientNo"], each["recipientGroupingKey"]) for each in body["recipientList"]] == [
        (f"0101234000{n}", f"event-{n}") for n in (1, 2, 3)
    ]


def test_recipients_count_by_our_reference_whatever_their_order() -> None:
    assert sent(replied(*map(result, (3, 1, 2)))) == [id_of(1), id_of(2), id_of(3)]


@pytest.mark.parametrize(
    ("code", "meaning"),
    [(-4019, DeliveryRejected), (-3005, TemplateRefused), (-1017, ProviderStopped), (-7000, OutcomeUnknown)],
)
def test_a_refused_recipient_costs_the_others_nothing(code: int, meaning: type) -> None:
    first, second, third = sent(replied(result(1), result(2, code), result(3)))

    assert (first, type(second), third) == (id_of(1), meaning, id_of(3))


def test_a_fault_of_the_account_raises_one_alarm_for_all_recipients() -> None:
    with structlog.testing.capture_logs() as logs:
        found_types = types(sent(replied(*(result(n, -1017) for n in (1, 2, 3)), head=header(-1031))))

    assert found_types == [ProviderStopped] * 3
    assert [line["event"] for line in logs] == ["alimtalk_provider_stopped"]


@pytest.mark.parametrize(
    ("results", "unknown"),
    [
        ((result(1), result(2)), {3}),
        ((result(1), result(2), result(3), result(3)), {3}),
        ((result(1), result(2), result(2), result(3)), {2}),
        ((result(1), result(2), result(3, recipientGroupingKey="event-4")), {3}),
        ((result(1), result(2), result(3, recipientGroupingKey=None)), {3}),
        ((result(1), result(2), result(3, recipientSeq=None)), {3}),
        # Results of this number would be both messages'.
        ((result(1), result(2), result(3, recipientSeq=2)), {2, 3}),
        ((), {1, 2, 3}),
    ],
    ids=["short", "doubled", "doubled-within", "other", "no-key", "no-number", "same-number", "empty"],
)
def test_a_message_not_named_once_and_clearly_is_unknown(
    results: Sequence[dict[str, Any]], unknown: set[int]
) -> None:
    assert types(sent(replied(*results))) == [OutcomeUnknown if n in unknown else str for n in (1, 2, 3)]


def test_success_without_the_requests_id_leaves_all_unknown() -> None:
    assert types(sent(replied(*map(result, (1, 2, 3)), request_id=None))) == [OutcomeUnknown] * 3


@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        (answered({"header": header(-3005)}), TemplateRefused),
        (answered({"header": header(4)}), DeliveryRejected),
        (answered({"header": header(-1005)}), EarlierRequestArrived),
        (answered({"header": header(-31337)}), OutcomeUnknown),
        (answered({"header": SUCCESS}), OutcomeUnknown),
        (answered({"header": header(-1031)}), OutcomeUnknown),
        (httpx.ReadTimeout, OutcomeUnknown),
        (answered({}, 502), OutcomeUnknown),
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


def test_a_look_up_finds_the_message_of_a_batch_by_its_own_id() -> None:
    second = a_message(reference="event-2")

    assert adapter(ScriptedProvider(found(member(2)))).find(second) == id_of(2)
    failed = a_message(reference="event-2", failed_ids=frozenset({id_of(2)}))
    assert adapter(ScriptedProvider(found(member(2)))).find(failed) is None
    # That the first of the batch failed says nothing of the second.
    other = a_message(reference="event-2", failed_ids=frozenset({id_of(1), "r-1"}))
    assert adapter(ScriptedProvider(found(member(2)))).find(other) == id_of(2)


def test_results_of_a_batch_are_in_the_list_of_its_group() -> None:
    provider = ScriptedProvider(
        found(member(3), member(1), member(2, messageStatus="FAILED", resultCode="3019"))
    )
    awaited = [an_awaited_result(id_of(n), f"event-{n}") for n in (1, 2, 3)]
    assert {adapter(provider).asked_together(each) for each in awaited} == {GROUP}

    answer = adapter(provider).results(awaited)

    assert {each.message_id: each.state for each in answer.results} == {
        id_of(1): ResultState.DELIVERED,
        id_of(2): ResultState.FAILED,
        id_of(3): ResultState.DELIVERED,
    }
    assert [each["senderGroupingKey"] for each in queries(provider)] == [GROUP]


def test_what_its_group_does_not_have_is_asked_for_by_its_request() -> None:
    provider = ScriptedProvider(found(), found(member(2), member(1)))

    answer = adapter(provider).results([an_awaited_result(id_of(1), "event-1")])

    assert [each.message_id for each in answer.results] == [id_of(1)]
    assert dict(queries(provider)[1]) == {"requestId": "r-1", "pageSize": "500"}


def test_a_message_that_its_request_does_not_have_has_no_result() -> None:
    awaited = [an_awaited_result(id_of(1), "event-1"), an_awaited_result(id_of(9), "event-9")]

    answer = adapter(ScriptedProvider(found(member(1)), found(member(1)))).results(awaited)

    assert [each.message_id for each in answer.results] == [id_of(1)]
    assert answer.unanswered == frozenset()


@pytest.mark.parametrize("message_id", ["", "r-1", "r-1/2", "/", "//", "///", "r-1/2/a/b", "20261201/x"])
def test_any_id_is_asked_about_without_an_error(message_id: str) -> None:
    awaited = an_awaited_result(message_id, "event-1")

    assert adapter(ScriptedProvider()).asked_together(awaited) is not None
    assert adapter(ScriptedProvider(found(), found())).results([awaited]) == Answer([])


def test_an_error_is_no_answer_about_a_batch() -> None:
    with pytest.raises(OutcomeUnknown):
        adapter(ScriptedProvider(answered({}, 502))).results([an_awaited_result(id_of(1), "event-1")])


def test_ids_of_a_former_release_are_asked_about_as_before() -> None:
    """They are those of requests, which had one message each."""
    provider = ScriptedProvider(found(), found(stored()))
    awaited = an_awaited_result("r-1", "event-1")
    assert adapter(provider).asked_together(awaited) == "event-1"

    assert [each.message_id for each in adapter(provider).results([awaited]).results] == ["r-1"]


def test_a_request_s_id_stands_for_the_message_of_the_awaited_reference() -> None:
    """A former release has found messages of a batch, and stored the id of their request."""
    batch = found(member(1), member(2, messageStatus="FAILED", resultCode="3019"), member(3))
    awaited = [an_awaited_result("r-1", "event-2"), an_awaited_result("r-1", "event-3")]

    answer = adapter(ScriptedProvider(found(), batch)).results(awaited)

    assert {(each.message_id, each.reference, each.state) for each in answer.results} == {
        ("r-1", "event-2", ResultState.FAILED),
        ("r-1", "event-3", ResultState.DELIVERED),
    }


@pytest.mark.parametrize(
    "entry", [member(1), member(2, requestId="r-2"), member(2, recipientGroupingKey=None)]
)
def test_another_message_is_no_result_of_a_request_s_id(entry: dict[str, Any]) -> None:
    provider = ScriptedProvider(found(entry), found(entry))

    assert adapter(provider).results([an_awaited_result("r-1", "event-2")]) == Answer([])


def test_a_webhook_names_each_message_of_a_batch_and_one_alone() -> None:
    batch = [
        hook(hookId=f"h-{n}", recipientSeq=n, senderGroupingKey=GROUP, recipientGroupingKey=f"event-{n}")
        for n in (2, 1)
    ]
    alone = hook(hookId="h-3", requestId="r-2", senderGroupingKey="event-1")

    results = parse_webhook(webhook(*batch, alone), SECRET, SECRET).results

    assert [(each.message_id, each.reference) for each in results] == [
        (id_of(2), "event-2"),
        (id_of(1), "event-1"),
        ("r-2", "event-1"),
    ]
