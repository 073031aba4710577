"""Several messages in one call: each of them once, and each with an outcome of its own."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import httpx
import pytest

from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import ProviderResult, ResultState
from notification_service.domain.errors import (
    DeliveryFailed,
    DeliveryRejected,
    NotSent,
    OutcomeUnknown,
    ReceiverUnavailable,
)
from notification_service.domain.order_event import OrderEvent
from tests.integration.alimtalk_providers.connection import Connection, impatient
from tests.integration.alimtalk_providers.later_attempts import second_attempt
from tests.integration.alimtalk_providers.providers import NUMBER, Batches
from tests.integration.alimtalk_providers.sent_batches import batches, got, send, wanted
from tests.integration.alimtalk_providers.wire import After, Killed, answer_instead, kill, lose, lose_reply
from tests.integration.provider_sandbox.webhook_receiver import WebhookReceiver
from tests.support.notification_builders import (
    a_completed_order,
    a_message_for,
    an_awaited_result,
)
from tests.support.waiting import wait_until

Entries = list[dict[str, Any]]


def calls(connection: Connection) -> Batches:
    assert connection.provider.batches is not None
    return connection.provider.batches


def ids_of(connection: Connection, messages: Sequence[AlimtalkMessage]) -> list[str]:
    sent = send(connection, messages)
    assert all(isinstance(each, str) for each in sent)
    return [str(each) for each in sent]


def failure_of(connection: Connection, messages: Sequence[AlimtalkMessage]) -> DeliveryFailed:
    """What holds for all of the messages: raised, or returned of each."""
    try:
        (failure,) = {each for each in send(connection, messages) if isinstance(each, DeliveryFailed)}
    except DeliveryFailed as raised:
        return raised
    return failure


def renamed(connection: Connection, change: Callable[[Entries], Entries]) -> After:
    """The reply that names each message, with other names."""

    def answer(response: httpx.Response) -> httpx.Response:
        body = json.loads(response.read())
        *path, last = calls(connection).names
        part = body
        for name in path:
            part = part[name]
        part[last] = change(part[last])
        return httpx.Response(response.status_code, json=body)

    return answer


def test_a_batch_reaches_each_recipient_once_by_one_call_that_sends(
    batching: Connection, messages: list[AlimtalkMessage]
) -> None:
    found = ids_of(batching, messages)

    assert len(set(found)) == 3
    assert got(batching) == wanted(messages)
    end = calls(batching).sends_at.split(" ")[1]
    assert len([call for call in batching.wire.calls if call.endswith(end)]) <= 2


def test_each_message_of_a_batch_is_found_and_not_sent_again(
    batching: Connection, messages: list[AlimtalkMessage], orders: list[OrderEvent]
) -> None:
    found = ids_of(batching, messages)

    assert [batching.find(message) for message in messages] == found
    assert [second_attempt(batching, order) for order in orders] == found
    assert len(batching.sent()) == 3


def test_as_many_as_a_call_may_have_go_together(batching: Connection) -> None:
    most = batches(batching).most
    messages = [a_message_for(a_completed_order(phone=f"010-2000-{n:04}")) for n in range(most)]

    assert len(set(ids_of(batching, messages))) == most
    assert got(batching) == wanted(messages)


def test_one_refused_recipient_costs_the_others_nothing(
    batching: Connection, messages: list[AlimtalkMessage]
) -> None:
    if batching.provider.name == "sandbox":
        messages[0] = replace(messages[0], recipient_number="0215880000")
    else:
        assert messages[0].recipient_number == NUMBER
        batching.control(**batching.provider.refused_number)

    refused, *others = send(batching, messages)

    assert type(refused) is DeliveryRejected
    assert all(isinstance(each, str) for each in others)
    assert got(batching) == wanted(messages[1:])


def test_a_lost_reply_is_resolved_by_a_look_up_for_each(
    batching: Connection, messages: list[AlimtalkMessage], orders: list[OrderEvent]
) -> None:
    batching.wire.after(calls(batching).sends_at, lose_reply)

    assert type(failure_of(batching, messages)) is OutcomeUnknown

    for order in orders:
        assert second_attempt(batching, order)
    assert got(batching) == wanted(messages)


def test_a_lost_request_is_made_good_by_one_message_for_each(
    batching: Connection, messages: list[AlimtalkMessage], orders: list[OrderEvent]
) -> None:
    batching.wire.before(calls(batching).sends_at, lose)
    assert type(failure_of(batching, messages)) is OutcomeUnknown
    assert batching.sent() == []

    for order in orders:
        assert second_attempt(batching, order)
    assert got(batching) == wanted(messages)


def test_a_kill_before_the_call_leaves_one_message_for_each(
    batching: Connection, messages: list[AlimtalkMessage], orders: list[OrderEvent]
) -> None:
    batching.wire.before(calls(batching).sends_at, kill)
    with pytest.raises(Killed):
        send(batching, messages)

    for order in orders:
        assert second_attempt(batching, order)
    assert got(batching) == wanted(messages)


def test_a_batch_accepted_after_the_time_out_is_found_then(
    batching: Connection, messages: list[AlimtalkMessage], orders: list[OrderEvent]
) -> None:
    batching.control(timeoutAfterAcceptNext=1, timeoutMs=2_000, **batching.provider.sending_fault)

    with impatient(batching) as adapter:
        assert adapter.batches is not None
        try:
            sent = adapter.batches.send(messages, lambda: True)
        except OutcomeUnknown as unknown:
            sent = [unknown]
    assert {type(each) for each in sent} == {OutcomeUnknown}

    wait_until(lambda: len(batching.sent()) == 3, "the batch to be accepted")
    for order in orders:
        second_attempt(batching, order)
    assert got(batching) == wanted(messages)


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_server_error_after_acceptance_leaves_all_unknown(
    batching: Connection, messages: list[AlimtalkMessage], status: int
) -> None:
    batching.wire.after(calls(batching).sends_at, answer_instead(status))

    assert type(failure_of(batching, messages)) is OutcomeUnknown
    assert len(batching.sent()) == 3


def test_results_in_another_order_are_each_of_their_own_message(
    batching: Connection, messages: list[AlimtalkMessage]
) -> None:
    batching.wire.after(calls(batching).names_at, renamed(batching, lambda entries: entries[::-1]))

    found = ids_of(batching, messages)

    assert found == [batching.find(message) for message in messages]


@pytest.mark.parametrize(
    "change", [lambda entries: entries[1:], lambda entries: [entries[0], *entries]], ids=["short", "doubled"]
)
def test_a_message_not_named_once_is_never_doubled(
    batching: Connection,
    messages: list[AlimtalkMessage],
    orders: list[OrderEvent],
    change: Callable[[Entries], Entries],
) -> None:
    batching.wire.after(calls(batching).names_at, renamed(batching, change))

    if calls(batching).is_prepared:
        # Nothing of an unclear group is sent.
        assert isinstance(failure_of(batching, messages), ReceiverUnavailable)
        assert batching.sent() == []
    else:
        first, *others = send(batching, messages)
        assert type(first) is OutcomeUnknown
        assert others == [batching.find(message) for message in messages[1:]]
    for order in orders:
        assert second_attempt(batching, order)
    assert got(batching) == wanted(messages)


def test_a_batch_that_may_not_be_sent_sends_nothing(
    batching: Connection, messages: list[AlimtalkMessage]
) -> None:
    with pytest.raises(NotSent):
        batches(batching).send(messages, lambda: False)

    assert batching.sent() == []
    assert [batching.find(message) for message in messages] == [None] * 3


def test_leave_to_send_a_batch_is_asked_for_at_the_call_that_sends(
    batching: Connection, messages: list[AlimtalkMessage]
) -> None:
    calls_when_asked: list[str] = []

    def may_send() -> bool:
        calls_when_asked.append(batching.wire.calls[-1])
        return True

    batches(batching).send(messages, may_send)

    assert calls_when_asked[-1].endswith(calls(batching).sends_at.split(" ")[1])


@pytest.mark.parametrize("fault", ["failNext", "throttleNext"])
def test_a_batch_that_was_surely_not_taken_is_sent_once_later(
    batching: Connection, messages: list[AlimtalkMessage], orders: list[OrderEvent], fault: str
) -> None:
    batching.control_sending(**{fault: 1})

    assert isinstance(failure_of(batching, messages), ReceiverUnavailable)
    assert batching.sent() == []

    for order in orders:
        assert second_attempt(batching, order)
    assert got(batching) == wanted(messages)


def test_a_batch_refused_as_a_whole_sends_nothing(
    batching: Connection, messages: list[AlimtalkMessage], orders: list[OrderEvent]
) -> None:
    batching.control(rejectNext=1)

    failure_of(batching, messages)
    assert batching.sent() == []

    for order in orders:
        assert second_attempt(batching, order)
    assert got(batching) == wanted(messages)


def test_results_of_a_batch_are_asked_for_by_few_calls(
    batching: Connection, messages: list[AlimtalkMessage]
) -> None:
    if batching.provider.reports is None or batching.adapter.results_at_once == 1:
        return
    batching.control(recipientResults={NUMBER: batching.reports.unreachable}, resultDelayMs=0)
    found = ids_of(batching, messages)
    batching.wire.calls.clear()

    adapter = batching.adapter
    awaited = [
        an_awaited_result(message_id, message.reference)
        for message_id, message in zip(found, messages, strict=True)
    ]
    assert len({adapter.asked_together(each) for each in awaited}) == 1
    results = {each.message_id: each for each in adapter.results(awaited).results}

    assert [results[each].state for each in found] == [
        ResultState.FAILED,
        ResultState.DELIVERED,
        ResultState.DELIVERED,
    ]
    assert [results[each].reference for each in found] == [message.reference for message in messages]
    assert len(batching.wire.calls) == 1


def test_webhooks_of_a_batch_say_what_asking_says(
    batching: Connection, messages: list[AlimtalkMessage], receiver: WebhookReceiver
) -> None:
    if batching.provider.reports is None or batching.provider.reports.webhook is None:
        return
    of = batching.provider.reports.webhook
    batching.control(
        webhookUrl=receiver.url,
        recipientResults={NUMBER: batching.reports.unreachable},
        resultDelayMs=0,
    )

    found = ids_of(batching, messages)

    wait_until(lambda: len(receiver.received) >= 3, "three webhooks")
    reported: dict[str, ProviderResult] = {}
    for call in receiver.received:
        for result in of.parse(call.raw, of.secret_of(call), of.secret).results:
            reported[result.message_id] = result
    assert reported == {
        message_id: batching.result(message_id, message.reference)
        for message_id, message in zip(found, messages, strict=True)
    }


def test_a_message_of_a_batch_that_failed_is_sent_again_alone(
    batching: Connection, messages: list[AlimtalkMessage]
) -> None:
    first, *others = ids_of(batching, messages)
    retried = replace(messages[0], failed_ids=frozenset({first}))
    assert batching.find(retried) is None

    second = batching.send(retried)

    assert second not in {first, *others}
    assert batching.find(retried) == second
    assert [batching.find(message) for message in messages[1:]] == others
    assert len(batching.sent()) == 4
