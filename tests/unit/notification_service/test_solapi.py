"""SOLAPI: what is sent, what its replies mean, what its webhooks say."""

import json
import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
import pytest
import structlog

from notification_service.alimtalk.solapi import (
    SolapiAccount,
    SolapiAlimtalkProvider,
    parse_webhook,
    solapi_authorization,
)
from notification_service.application.attempt_delivery import AttemptDelivery
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.alimtalk_results import Answer, ProviderResult, ReportedResults, ResultState
from notification_service.domain.attempt import Accepted
from notification_service.domain.delivery import Effect
from notification_service.domain.errors import (
    DeliveryFailed,
    DeliveryRejected,
    EarlierMessageFound,
    ForgedWebhook,
    MalformedWebhook,
    NotSent,
    OutcomeUnknown,
    ProviderStopped,
    ReceiverUnavailable,
    TemplateRefused,
)
from notification_service.domain.provider_call import Call, CallOutcome
from notification_service.domain.retry_policy import RetryPolicy
from tests.support.notification_builders import (
    WRITE_ALIMTALK,
    a_completed_order,
    a_delivery,
    a_message,
    an_awaited_result,
)
from tests.unit.notification_service.scripted_provider import (
    Reply,
    ScriptedProvider,
    answered,
    answered_bytes,
    malformed_replies,
)

LIST = "GET /messages/v4/list"
CREATE = "POST /messages/v4/groups"
REGISTER = "PUT /messages/v4/groups/G1/messages"
SEND = "POST /messages/v4/groups/G1/send"
STATUS = "GET /messages/v4/groups/G1"
DELETE = "DELETE /messages/v4/groups/G1"
ENDED = pytest.mark.parametrize("status", ["FAILED", "DELETED"])
SECRET = "webhook-secret"
ACCOUNT = SolapiAccount(
    api_key="api-key",
    api_secret="api-secret",
    channel_id="pf-id",
    sender_number="0212345678",
    template_ids={"ORDER_COMPLETED": "template-id"},
)


def adapter(provider: ScriptedProvider) -> SolapiAlimtalkProvider:
    return SolapiAlimtalkProvider(provider.client, ACCOUNT, provider.url)


def stored(reference: object = "event-1", **changes: Any) -> dict[str, Any]:
    fields = {"reference": reference}
    return {"type": "ATA", "groupId": "G1", "statusCode": "2000", "customFields": fields} | changes


def listed(*messages: dict[str, Any], next_key: object = None) -> httpx.Response:
    by_id = {f"M{n}": message for n, message in enumerate(messages, 1)}
    return answered({"startKey": None, "nextKey": next_key, "limit": 10, "messageList": by_id})


def group(status: str = "PENDING", group_id: object = "G1", **others: object) -> httpx.Response:
    return answered({"groupId": group_id, "status": status, **others})


def registered(code: object = "2000", message_id: object = "M1") -> httpx.Response:
    result = {"to": "01012345678", "messageId": message_id, "statusCode": code, "statusMessage": "…"}
    return answered({"errorCount": "0", "resultList": [result]})


def send(*replies: Reply) -> ScriptedProvider:
    """A provider that accepted a message."""
    provider = ScriptedProvider(*replies)
    assert adapter(provider).send(a_message(), lambda: True) == "M1"
    return provider


def failed_send(*replies: Reply) -> tuple[ScriptedProvider, DeliveryFailed]:
    provider = ScriptedProvider(*replies)
    with pytest.raises(DeliveryFailed) as failure:
        adapter(provider).send(a_message(), lambda: True)
    return provider, failure.value


def failure_of(*replies: Reply) -> DeliveryFailed:
    return failed_send(*replies)[1]


def test_a_message_is_put_into_a_new_group_that_is_then_sent() -> None:
    provider = send(listed(), group(), registered(), group("SENDING"))

    assert provider.calls == [LIST, CREATE, REGISTER, SEND]
    assert provider.body(1) == {"allowDuplicates": False, "customFields": {"reference": "event-1"}}
    assert provider.body(2) == {
        "messages": [
            {
                "to": "01012345678",
                "from": "0212345678",
                "type": "ATA",
                "country": "82",
                "customFields": {"reference": "event-1"},
                "kakaoOptions": {
                    "pfId": "pf-id",
                    "templateId": "template-id",
                    "variables": {"#{name}": "김하늘"},
                    "disableSms": True,
                },
            }
        ]
    }
    # Not empty: "may it be sent" is asked right before a body.
    assert provider.body(3) == {}


def test_what_can_be_no_alimtalk_is_a_long_sms_from_the_same_number() -> None:
    provider = ScriptedProvider(listed(), group(), registered(), group("SENDING"))

    adapter(provider).send(replace(a_message(), as_sms=True), lambda: True)

    [posted] = provider.body(2)["messages"]
    assert (posted["type"], posted["text"], posted["from"]) == ("LMS", "[주문완료] …", "0212345678")
    assert posted["customFields"] == {"reference": "event-1"}
    assert "kakaoOptions" not in posted


def test_a_look_up_asks_for_the_recipients_messages_of_30_days() -> None:
    provider = ScriptedProvider(listed())

    assert adapter(provider).find(a_message()) is None

    parameters = dict(provider.requests[0].url.params)
    start, end = (datetime.fromisoformat(parameters.pop(name)) for name in ("startDate", "endDate"))
    assert end - start == timedelta(days=30)
    assert start < datetime.now(UTC) < end
    assert parameters == {"to": "01012345678", "dateType": "CREATED", "limit": "100"}


@pytest.mark.parametrize(("days_ago", "since"), [(3, 4), (40, 29), (-3, 1)])
def test_a_look_up_begins_a_day_before_the_order(days_ago: int, since: int) -> None:
    provider = ScriptedProvider(listed())
    now = datetime.now(UTC)

    assert adapter(provider).find(a_message(ordered_at=now - timedelta(days=days_ago))) is None

    start = datetime.fromisoformat(provider.requests[0].url.params["startDate"])
    assert abs(now - timedelta(days=since) - start) < timedelta(seconds=60)


def test_the_signature_is_the_hmac_of_date_and_salt() -> None:
    # echo -n "$date$salt" | openssl dgst -sha256 -hmac api-secret
    date, salt = "2026-11-29T03:00:00Z", "0123456789abcdef0123456789abcdef"
    signature = "455c145e5e154ef72d19587c2b926102d92dcc23d573f20c22d7ecd7e912dd09"

    assert solapi_authorization("api-key", "api-secret", date, salt) == (
        f"HMAC-SHA256 apiKey=api-key, date={date}, salt={salt}, signature={signature}"
    )


def test_each_request_has_a_signature_and_a_salt_of_its_own() -> None:
    provider = send(listed(), group(), registered(), group("SENDING"))

    salts = set()
    for request in provider.requests:
        written = re.fullmatch(
            r"HMAC-SHA256 apiKey=api-key, date=([^,]+), salt=([0-9a-f]{32}), signature=[0-9a-f]{64}",
            request.headers["Authorization"],
        )
        assert written is not None
        assert abs(datetime.now(UTC) - datetime.fromisoformat(written[1])) < timedelta(seconds=60)
        assert written[0] == solapi_authorization("api-key", "api-secret", written[1], written[2])
        salts.add(written[2])
    assert len(salts) == 4


@pytest.mark.parametrize("status", ["SENDING", "COMPLETE", "SCHEDULED"])
def test_a_message_in_a_sent_group_is_found_and_not_sent_again(status: str) -> None:
    assert adapter(ScriptedProvider(listed(stored()), group(status))).find(a_message()) == "M1"
    provider = ScriptedProvider(listed(stored()), group(status))
    with pytest.raises(EarlierMessageFound) as found:
        adapter(provider).send(a_message(), lambda: True)
    assert (found.value.message_id, provider.calls) == ("M1", [LIST, STATUS])


def test_what_sending_only_finds_is_not_taken_for_sent() -> None:
    order = a_completed_order()
    provider = ScriptedProvider(listed(stored(str(order.event_id))), group("SENDING"))
    courier = SendAlimtalk(adapter(provider), 60.0, WRITE_ALIMTALK)
    attempt = AttemptDelivery(Effect.ALIMTALK, courier, RetryPolicy(), jitter=lambda: 0.5)

    ended = attempt(a_delivery(order, attempt=1), lambda: True)

    assert isinstance(ended.outcome, Accepted)
    assert ended.outcome.message_id == "M1"
    # That SOLAPI takes messages, it didn't show: a suspension goes on.
    assert ended.call == Call(CallOutcome.ANSWERED, is_look_up=True)


def test_a_pending_group_of_an_earlier_attempt_is_sent() -> None:
    assert adapter(ScriptedProvider(listed(stored()), group())).find(a_message()) is None
    assert send(listed(stored()), group(), group("SENDING")).calls == [LIST, STATUS, SEND]


def test_a_sent_group_counts_even_if_a_pending_one_is_listed_first() -> None:
    provider = ScriptedProvider(
        listed(stored(groupId="G0"), stored()), group(group_id="G0"), group("COMPLETE")
    )

    assert adapter(provider).find(a_message()) == "M2"


def test_a_group_deleted_after_it_was_sent_counts_as_sent() -> None:
    deleted = group("DELETED", dateSent="2026-12-01T03:00:00.000Z")

    assert adapter(ScriptedProvider(listed(stored()), deleted)).find(a_message()) == "M1"


def test_a_group_in_any_other_status_is_not_sent_again() -> None:
    with pytest.raises(OutcomeUnknown):
        adapter(ScriptedProvider(listed(stored()), group("ODD"))).find(a_message())
    assert failed_send(listed(stored()), group("ODD"))[0].calls == [LIST, STATUS]


@pytest.mark.parametrize("code", ["3000", "3012", "3104", "2230", None])
@ENDED
def test_a_message_that_left_its_ended_group_counts_as_accepted(status: str, code: str | None) -> None:
    provider = ScriptedProvider(listed(stored(statusCode=code)), group(status))

    assert adapter(provider).find(a_message()) == "M1"


@ENDED
def test_a_message_that_never_left_its_ended_group_gets_a_new_one(status: str) -> None:
    replies = (listed(stored()), group(status), listed(stored()))
    provider = ScriptedProvider(*replies)
    assert adapter(provider).find(a_message()) is None
    assert dict(provider.requests[2].url.params) == {"messageIds[]": "M1"}
    calls = send(*replies, group(), registered(), group("SENDING")).calls
    assert calls == [LIST, STATUS, LIST, CREATE, REGISTER, SEND]


@ENDED
def test_a_message_that_left_its_group_when_listed_counts_as_accepted(status: str) -> None:
    provider = ScriptedProvider(listed(stored()), group(status), listed(stored(statusCode="3000")))

    assert adapter(provider).find(a_message()) == "M1"


@ENDED
def test_a_message_of_an_ended_group_that_is_gone_excludes_nothing(status: str) -> None:
    with pytest.raises(OutcomeUnknown):
        adapter(ScriptedProvider(listed(stored()), group(status), listed())).find(a_message())


@pytest.mark.parametrize("status", ["COMPLETE", "FAILED", "SENDING"])
def test_a_message_that_finally_failed_gets_a_new_group(status: str) -> None:
    failed = a_message(failed_ids=frozenset({"M1"}))
    first = stored(groupId="G0", statusCode="3104")
    provider = ScriptedProvider(listed(first), group(), registered(message_id="M2"), group("SENDING"))

    assert adapter(ScriptedProvider(listed(first), group(status))).find(failed) is None
    assert adapter(provider).send(failed, lambda: True) == "M2"
    assert provider.calls == [LIST, CREATE, REGISTER, SEND]


def test_a_retry_is_found_beside_the_message_that_finally_failed() -> None:
    failed = a_message(failed_ids=frozenset({"M1"}))
    messages = listed(stored(groupId="G0", statusCode="3104"), stored())

    assert adapter(ScriptedProvider(messages, group("SENDING"))).find(failed) == "M2"


@pytest.mark.parametrize(
    "other",
    [
        stored("event-2"),
        stored(None),
        stored(customFields=None),
        stored(customFields={}),
        stored(statusCode="1043"),
    ],
)
def test_another_message_of_the_recipient_is_not_ours(other: dict[str, Any]) -> None:
    assert adapter(ScriptedProvider(listed(other))).find(a_message()) is None


def test_a_message_on_the_next_page_is_found() -> None:
    provider = ScriptedProvider(listed(stored("event-2"), next_key="K1"), listed(stored()), group("COMPLETE"))

    assert adapter(provider).find(a_message()) == "M1"
    assert [request.url.params.get("startKey") for request in provider.requests] == [None, "K1", None]


def test_a_sent_group_counts_even_if_a_pending_one_is_a_page_before() -> None:
    provider = ScriptedProvider(
        listed(stored(groupId="G0"), next_key="K1"),
        answered({"messageList": {"M2": stored()}, "nextKey": None}),
        group(group_id="G0"),
        group("COMPLETE"),
    )

    assert adapter(provider).find(a_message()) == "M2"


def test_a_look_up_that_never_ends_does_not_count_as_none() -> None:
    provider = ScriptedProvider(*(listed(next_key=f"K{n}") for n in range(100)))

    with pytest.raises(OutcomeUnknown):
        adapter(provider).find(a_message())
    assert len(provider.requests) == 20


def test_a_look_up_of_slow_pages_ends_in_time_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = count(step=1.5)
    monkeypatch.setattr(time, "monotonic", lambda: next(seconds))
    provider = ScriptedProvider(*(listed(next_key=f"K{n}") for n in range(100)))

    with pytest.raises(OutcomeUnknown, match="the first 2 pages of the recipient's messages took too long"):
        adapter(provider).find(a_message())
    assert len(provider.requests) == 2


@pytest.mark.parametrize(
    "reply",
    [
        listed(stored(7)),
        listed(stored("a\x00b")),
        listed(stored("r" * 1_000)),
        listed(stored(groupId=None)),
        listed(stored(statusCode=2000)),
        listed(next_key=7),
        answered({"messageList": [stored()]}),
        answered({"messageList": {"a\x00b": stored()}}),
        answered({"messageList": {"": stored()}}),
    ],
)
def test_a_look_up_of_the_wrong_types_does_not_count_as_none(reply: httpx.Response) -> None:
    with pytest.raises(OutcomeUnknown):
        adapter(ScriptedProvider(reply)).find(a_message())


def test_a_repeated_attempt_sends_the_same_group_after_a_lost_reply() -> None:
    delivery = a_delivery(attempt=2, provider="solapi", seconds_since_possibly_sent=600.0)
    again = stored(str(delivery.order.event_id))
    provider = ScriptedProvider(
        *(listed(), group(), registered(), httpx.ReadTimeout),
        *(listed(again), group(), listed(again), group(), group("SENDING")),
    )
    send_alimtalk = SendAlimtalk(adapter(provider), 60.0, WRITE_ALIMTALK)

    with pytest.raises(OutcomeUnknown):
        send_alimtalk(a_delivery(delivery.order), lambda: True)
    assert send_alimtalk(delivery, lambda: True).reference == "M1"

    assert provider.calls.count(CREATE) == 1
    assert [call for call in provider.calls if call.endswith("/send")] == [SEND, SEND]


CLASSES = [
    ("1043", TemplateRefused),
    ("1042", TemplateRefused),
    ("1048", TemplateRefused),
    ("3104", DeliveryRejected),
    ("1024", ReceiverUnavailable),
    ("1030", ProviderStopped),
    ("1062", ProviderStopped),
    ("3000", ReceiverUnavailable),
    ("1999", ReceiverUnavailable),
]


@pytest.mark.parametrize(("code", "meaning"), CLASSES)
def test_a_message_refused_at_registration_is_never_sent(code: str, meaning: type[DeliveryFailed]) -> None:
    provider, failure = failed_send(listed(), group(), registered(code))

    assert type(failure) is meaning
    assert SEND not in provider.calls


def test_an_empty_balance_raises_an_alarm() -> None:
    with structlog.testing.capture_logs() as logs:
        failure_of(listed(), group(), registered("1030"))

    assert [(line["event"], line["code"]) for line in logs] == [("alimtalk_provider_stopped", "1030")]


@pytest.mark.parametrize(
    "replies",
    [
        (httpx.ReadTimeout,),
        (listed(), httpx.ReadTimeout),
        (listed(), answered({}, 502)),
        (listed(), group("SENDING")),
        (listed(), group(), httpx.ReadError),
        (listed(), group(), registered(message_id=None)),
        (listed(), group(), registered(message_id="a\x00b")),
        (listed(), group(), registered(code=2000)),
        (listed(), group(), answered({"resultList": []})),
        (listed(), group(), answered({"errorCode": "ValidationError"}, 400)),
    ],
)
def test_a_failure_before_the_group_is_sent_may_be_repeated(replies: tuple[Reply, ...]) -> None:
    provider, failure = failed_send(*replies)

    assert type(failure) is ReceiverUnavailable
    assert SEND not in provider.calls


@pytest.mark.parametrize(
    "reply",
    [
        httpx.ReadTimeout,
        answered({}, 500),
        answered({}, 504),
        answered({"errorCode": "GroupNotSendable"}, 400),
        answered({}, 409),
        answered({}),
        group("SENDING", "G2"),
        group("SENDING", None),
    ],
)
def test_a_failure_of_sending_the_group_is_unknown(reply: Reply) -> None:
    assert type(failure_of(listed(), group(), registered(), reply)) is OutcomeUnknown


@pytest.mark.parametrize("status", [401, 402, 403, 404, 429, 503])
def test_a_group_that_was_surely_not_sent_may_be_sent_later(status: int) -> None:
    failure = failure_of(listed(), group(), registered(), answered({}, status))

    assert isinstance(failure, ReceiverUnavailable)


@malformed_replies
def test_a_malformed_reply_is_never_success(content: bytes) -> None:
    odd = answered_bytes(content)
    assert type(failure_of(odd)) is ReceiverUnavailable
    assert type(failure_of(listed(), group(), registered(), odd)) is OutcomeUnknown
    with pytest.raises(OutcomeUnknown):
        adapter(ScriptedProvider(odd)).find(a_message())
    with pytest.raises(OutcomeUnknown):
        adapter(ScriptedProvider(odd)).results([an_awaited_result("M1")])


@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_each_step_stops_once_nothing_may_be_sent(allowed: int) -> None:
    provider = ScriptedProvider(listed(), group(), registered(), group("SENDING"))
    answers = iter([True] * allowed + [False] * 3)

    with pytest.raises(NotSent):
        adapter(provider).send(a_message(), lambda: next(answers))
    assert provider.calls == [LIST, *([], [CREATE], [CREATE, REGISTER, DELETE])[allowed]]


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("2000", ResultState.ACCEPTED),
        ("3000", ResultState.ACCEPTED),
        ("4000", ResultState.DELIVERED),
        ("3104", ResultState.FAILED),
        ("3107", ResultState.FAILED),
        ("1043", ResultState.FAILED),
        ("2230", ResultState.FAILED),
        ("3012", ResultState.FAILED),
        ("3014", ResultState.UNKNOWN),
        ("3048", ResultState.UNKNOWN),
        ("3999", ResultState.UNKNOWN),
        (None, ResultState.UNKNOWN),
    ],
)
def test_a_result_has_the_state_of_its_code(code: str | None, state: ResultState) -> None:
    provider = ScriptedProvider(listed(stored(statusCode=code)))

    results = adapter(provider).results([an_awaited_result("M1")]).results

    assert results == [ProviderResult("M1", "event-1", state, code or "")]
    assert dict(provider.requests[0].url.params) == {"messageIds[]": "M1", "limit": "50"}


def test_results_of_many_messages_are_asked_for_at_once() -> None:
    provider = ScriptedProvider(listed(stored(), stored()))

    results = adapter(provider).results([an_awaited_result(f"M{n}") for n in (3, 2, 1)]).results

    assert [result.message_id for result in results] == ["M1", "M2"]
    assert provider.requests[0].url.params.get_list("messageIds[]") == ["M1", "M2", "M3"]


def test_an_odd_message_of_a_list_costs_the_others_nothing() -> None:
    body = b'{"messageList": {"M1": {"statusCode": 4000}, "M2": 7, "M3": {"text": "\\ud800"}, "\\ud800": {}}}'

    answer = adapter(ScriptedProvider(answered_bytes(body))).results(
        [an_awaited_result(f"M{n}") for n in (1, 2, 3)]
    )

    assert [(result.message_id, result.state) for result in answer.results] == [("M3", ResultState.UNKNOWN)]


def test_a_message_that_solapi_does_not_know_has_no_result() -> None:
    assert adapter(ScriptedProvider(listed())).results([an_awaited_result("M1")]) == Answer([])


def test_results_are_read_page_by_page() -> None:
    provider = ScriptedProvider(
        listed(stored(), next_key="K1"), answered({"messageList": {"M2": stored()}, "nextKey": "K2"})
    )

    answer = adapter(provider).results([an_awaited_result(f"M{n}") for n in (1, 2)])

    assert {result.message_id for result in answer.results} == {"M1", "M2"}
    assert [request.url.params.get("startKey") for request in provider.requests] == [None, "K1"]


@pytest.mark.parametrize(
    "replies",
    [
        # Not the last page.
        tuple(listed(stored(), next_key=f"K{n}") for n in range(3)),
        # A message that was not asked about.
        (answered({"messageList": {"M1": stored(), "M7": stored()}}),),
    ],
)
def test_what_an_incomplete_list_lacks_is_unanswered(replies: tuple[Reply, ...]) -> None:
    answer = adapter(ScriptedProvider(*replies)).results([an_awaited_result(f"M{n}") for n in (1, 2)])

    assert [result.message_id for result in answer.results] == ["M1"]
    assert answer.unanswered == {"M2"}


def test_a_list_of_other_messages_is_no_answer() -> None:
    with pytest.raises(OutcomeUnknown):
        adapter(ScriptedProvider(listed(stored()))).results([an_awaited_result("M2")])


def event(event_id: object = "E1", **changes: Any) -> dict[str, Any]:
    data = {"messageId": "M1", **stored(statusCode="4000")} | changes
    return {"eventDataId": event_id, "data": data, "retryCount": 0}


def webhook(*events: object) -> bytes:
    return json.dumps(list(events)).encode()


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({}, ProviderResult("M1", "event-1", ResultState.DELIVERED, "4000")),
        ({"type": "LMS"}, ProviderResult("M1", "event-1", ResultState.DELIVERED, "4000", by_sms=True)),
        ({"statusCode": "3104"}, ProviderResult("M1", "event-1", ResultState.FAILED, "3104")),
        ({"statusCode": "3014"}, ProviderResult("M1", "event-1", ResultState.UNKNOWN, "3014")),
        ({"customFields": None}, ProviderResult("M1", None, ResultState.DELIVERED, "4000")),
    ],
)
def test_a_webhook_gives_the_result_of_its_event(changes: dict[str, Any], result: ProviderResult) -> None:
    assert parse_webhook(webhook(event(**changes)), SECRET, SECRET) == ReportedResults([result])


def test_an_event_that_comes_twice_counts_once() -> None:
    body = webhook(event(), event(), event("E2", messageId="M2"))

    reported = parse_webhook(body, SECRET, SECRET)

    assert [result.message_id for result in reported.results] == ["M1", "M2"]
    assert parse_webhook(body, SECRET, SECRET) == reported


@pytest.mark.parametrize("token", [None, "", "webhook-secre", "WEBHOOK-SECRET", "비밀", "\udcff"])
def test_a_webhook_without_the_configured_secret_is_forged(token: str | None) -> None:
    with pytest.raises(ForgedWebhook):
        parse_webhook(webhook(event()), token, SECRET)


def test_an_empty_secret_authenticates_nobody() -> None:
    with pytest.raises(ForgedWebhook):
        parse_webhook(webhook(event()), "", "")


@pytest.mark.parametrize(
    "odd",
    [
        event(7),
        event(""),
        event("odd", messageId=None),
        event("odd", messageId="a\x00b"),
        event("odd", statusCode=4000),
        event("odd", statusCode="4" * 100),
        event("odd", customFields=["event-1"]),
        event("odd", customFields={"reference": 7}),
        {"eventDataId": "odd"},
        None,
    ],
)
def test_an_odd_event_is_refused_and_the_others_count(odd: object) -> None:
    reported = parse_webhook(webhook(odd, event()), SECRET, SECRET)

    assert [result.message_id for result in reported.results] == ["M1"]
    assert reported.refused == 1


def test_a_webhook_that_is_no_list_is_refused() -> None:
    with pytest.raises(MalformedWebhook):
        parse_webhook(json.dumps(event()).encode(), SECRET, SECRET)


@malformed_replies
def test_a_malformed_webhook_is_refused_unless_it_is_empty(content: bytes) -> None:
    if content == b"[]":
        assert parse_webhook(content, SECRET, SECRET) == ReportedResults([])
        return
    with pytest.raises(MalformedWebhook):
        parse_webhook(content, SECRET, SECRET)
