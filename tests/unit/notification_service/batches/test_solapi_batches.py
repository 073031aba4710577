"""SOLAPI: a group of several messages, and what a later attempt at one of them does with it."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from notification_service.application.ports import Sent
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.errors import (
    DeliveryRejected,
    EarlierMessageFound,
    NotSent,
    OutcomeUnknown,
    ProviderStopped,
    ReceiverUnavailable,
)
from tests.support.notification_builders import a_message
from tests.unit.notification_service.scripted_provider import Reply, ScriptedProvider, answered
from tests.unit.notification_service.test_solapi import (
    CREATE,
    DELETE,
    LIST,
    REGISTER,
    SEND,
    STATUS,
    adapter,
    group,
    listed,
    registered,
    stored,
)

MESSAGES = [a_message(reference=f"event-{n}", recipient_number=f"0101234000{n}") for n in (1, 2, 3)]
SENT_AT = "2026-12-01T03:00:00.000Z"
IN_BATCH = stored(customFields={"reference": "event-1", "batch": "3"})


def result(number: int, code: object = "2000", **changes: Any) -> dict[str, Any]:
    return {"to": f"0101234000{number}", "messageId": f"M{number}", "statusCode": code} | changes


def filled(*results: dict[str, Any]) -> httpx.Response:
    return answered({"errorCount": 0, "resultList": list(results)})


def sent(provider: ScriptedProvider, messages: Sequence[AlimtalkMessage] = MESSAGES) -> Sequence[Sent]:
    return adapter(provider).batches.send(messages, lambda: True)


def types(results: Sequence[Sent]) -> list[type]:
    return [type(each) for each in results]


def test_messages_are_put_into_one_group_that_says_so_and_sent_at_once() -> None:
    provider = ScriptedProvider(group(), filled(*map(result, (1, 2, 3))), group("SENDING"))

    assert sent(provider) == ["M1", "M2", "M3"]

    assert provider.calls == [CREATE, REGISTER, SEND]
    assert provider.body(0) == {
        "allowDuplicates": False,
        "customFields": {"reference": "event-1", "batch": "3"},
    }
    fields = [(each["to"], each["customFields"]) for each in provider.body(1)["messages"]]
    assert fields == [(f"0101234000{n}", {"reference": f"event-{n}", "batch": "3"}) for n in (1, 2, 3)]


def test_results_count_by_number_whatever_their_order() -> None:
    provider = ScriptedProvider(group(), filled(*map(result, (3, 1, 2))), group("SENDING"))

    assert sent(provider) == ["M1", "M2", "M3"]


def test_a_message_refused_at_registration_keeps_no_other_back() -> None:
    replies = filled(result(1), result(2, "1060"), result(3, "1030"))
    first, second, third = sent(ScriptedProvider(group(), replies, group("SENDING")))

    assert first == "M1"
    assert (type(second), type(third)) == (DeliveryRejected, ProviderStopped)


def test_a_group_whose_every_message_is_refused_is_not_sent() -> None:
    provider = ScriptedProvider(group(), filled(*(result(n, "1060") for n in (1, 2, 3))))

    assert types(sent(provider)) == [DeliveryRejected] * 3
    assert provider.calls == [CREATE, REGISTER]


@pytest.mark.parametrize(
    "results",
    [
        (result(1), result(2)),
        (result(1), result(2), result(3), result(3)),
        (result(1), result(2), result(2)),
        (result(1), result(2), result(4)),
        (result(1), result(2), result(3), result(4)),
        (result(1), result(2), result(3, to=None)),
        (result(1), result(2), result(3, messageId=None)),
        # A code that nobody knows may stand for a message that is in the group.
        (result(1), result(2), result(3, "1999")),
    ],
    ids=["short", "long", "doubled", "other", "one-more", "no-number", "no-id", "odd-code"],
)
def test_a_group_that_is_not_clear_is_never_sent(results: Sequence[dict[str, Any]]) -> None:
    provider = ScriptedProvider(group(), filled(*results))

    with pytest.raises(ReceiverUnavailable):
        sent(provider)
    assert provider.calls == [CREATE, REGISTER]


@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        (httpx.ReadTimeout, OutcomeUnknown),
        (answered({}, 502), OutcomeUnknown),
        (answered({}, 400), OutcomeUnknown),
        (answered({}), OutcomeUnknown),
        (answered({}, 402), ProviderStopped),
        (answered({}, 503), ReceiverUnavailable),
    ],
)
def test_a_failed_sending_is_that_of_each_message_in_the_group(reply: Reply, meaning: type) -> None:
    replies = filled(result(1), result(2, "1060"), result(3))

    found = sent(ScriptedProvider(group(), replies, reply))

    assert types(found) == [meaning, DeliveryRejected, meaning]


@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_each_step_stops_once_nothing_may_be_sent(allowed: int) -> None:
    provider = ScriptedProvider(group(), filled(*map(result, (1, 2, 3))), group("SENDING"))
    answers = iter([True] * allowed)

    with pytest.raises(NotSent):
        adapter(provider).batches.send(MESSAGES, lambda: next(answers, False))
    assert provider.calls == [[], [CREATE], [CREATE, REGISTER, DELETE]][allowed]


@pytest.mark.parametrize("reply", [answered({}, 400), answered({}, 503), httpx.ReadTimeout])
def test_a_group_that_may_not_be_sent_nor_be_deleted_is_left_unsent(reply: Reply) -> None:
    provider = ScriptedProvider(group(), filled(*map(result, (1, 2, 3))), reply)
    answers = iter([True, True])

    with pytest.raises(NotSent):
        adapter(provider).batches.send(MESSAGES, lambda: next(answers, False))
    assert provider.calls == [CREATE, REGISTER, DELETE]


def test_an_unsent_group_with_others_messages_is_deleted_and_not_sent() -> None:
    provider = ScriptedProvider(
        listed(IN_BATCH), group(), group("DELETED"), group(), registered(message_id="M7"), group("SENDING")
    )

    assert adapter(provider).send(a_message(), lambda: True) == "M7"

    assert provider.calls == [LIST, STATUS, DELETE, CREATE, REGISTER, SEND]
    # Of its own: a later attempt sends it.
    assert provider.body(4)["messages"][0]["customFields"] == {"reference": "event-1"}


@pytest.mark.parametrize(
    "reply",
    [
        group("DELETED", dateSent=SENT_AT),
        group("DELETED", group_id="G2"),
        group("COMPLETE"),
        group(),
        answered({}),
        answered({}, 502),
        httpx.ReadTimeout,
    ],
    ids=["sent", "other", "complete", "pending", "malformed", "failed", "lost"],
)
def test_nothing_is_sent_unless_the_shared_group_was_deleted_unsent(reply: Reply) -> None:
    provider = ScriptedProvider(listed(IN_BATCH), group(), reply)

    with pytest.raises(OutcomeUnknown):
        adapter(provider).send(a_message(), lambda: True)
    assert provider.calls == [LIST, STATUS, DELETE]


@pytest.mark.parametrize("status", [400, 404, 409])
def test_a_shared_group_that_another_attempt_has_deleted_keeps_none_back(status: int) -> None:
    provider = ScriptedProvider(
        *(listed(IN_BATCH), group(), answered({}, status), group("DELETED"), listed(IN_BATCH)),
        *(group(), registered(message_id="M7"), group("SENDING")),
    )

    assert adapter(provider).send(a_message(), lambda: True) == "M7"
    assert provider.calls == [LIST, STATUS, DELETE, STATUS, LIST, CREATE, REGISTER, SEND]


@pytest.mark.parametrize(
    ("now", "meaning"),
    [
        (group("SENDING"), EarlierMessageFound),
        (group("DELETED", dateSent=SENT_AT), EarlierMessageFound),
        (group(), ReceiverUnavailable),
        (group("ODD"), OutcomeUnknown),
        (answered({}, 404), ReceiverUnavailable),
        (httpx.ReadTimeout, OutcomeUnknown),
    ],
    ids=["sending", "sent", "pending", "odd", "gone", "lost"],
)
def test_a_shared_group_that_is_not_deleted_is_asked_for_once_more(
    now: Reply, meaning: type[Exception]
) -> None:
    provider = ScriptedProvider(listed(IN_BATCH), group(), answered({}, 400), now)

    with pytest.raises(meaning):
        adapter(provider).send(a_message(), lambda: True)
    assert provider.calls == [LIST, STATUS, DELETE, STATUS]


def test_a_message_of_a_shared_group_that_was_sent_is_found() -> None:
    with pytest.raises(EarlierMessageFound):
        adapter(ScriptedProvider(listed(IN_BATCH), group("SENDING"))).send(a_message(), lambda: True)
