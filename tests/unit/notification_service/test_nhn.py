"""NHN Cloud: what is sent, what its replies mean, what its webhooks say."""

import json
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import structlog

from notification_service.alimtalk.nhn import NhnAccount, NhnAlimtalkProvider, parse_webhook
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.alimtalk_results import Answer, ProviderResult, ReportedResults, ResultState
from notification_service.domain.errors import (
    DeliveryFailed,
    DeliveryRejected,
    EarlierRequestArrived,
    ForgedWebhook,
    MalformedWebhook,
    NotSent,
    OutcomeUnknown,
    ProviderStopped,
    ReceiverUnavailable,
    TemplateRefused,
)
from tests.support.notification_builders import (
    WRITE_ALIMTALK,
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

MESSAGES = "/alimtalk/v2.3/appkeys/app-key/messages"
SUCCESS = {"resultCode": 0, "resultMessage": "SUCCESS", "isSuccessful": True}
SECRET = "webhook-secret"
GROUP = "019e7a3c-51"
REFERENCE = "019e7a3c-51f2-7c3e-8d2b-0a1b2c3d4e5f"


def adapter(provider: ScriptedProvider) -> NhnAlimtalkProvider:
    account = NhnAccount(app_key="app-key", secret_key="secret-key", sender_key="sender-key")
    return NhnAlimtalkProvider(provider.client, account, provider.url)


def header(code: int) -> dict[str, Any]:
    return {"resultCode": code, "resultMessage": "refused", "isSuccessful": False}


def sent(*codes: int, head: dict[str, Any] = SUCCESS, request_id: object = "r-1") -> httpx.Response:
    results = [
        {"recipientSeq": n, "recipientNo": "01012345678", "resultCode": code}
        for n, code in enumerate(codes, 1)
    ]
    return answered({"header": head, "message": {"requestId": request_id, "sendResults": results}})


def found(*messages: dict[str, Any], total: int | None = None) -> httpx.Response:
    count = len(messages) if total is None else total
    return answered(
        {"header": SUCCESS, "messageSearchResultResponse": {"messages": list(messages), "totalCount": count}}
    )


def stored(**changes: Any) -> dict[str, Any]:
    return {
        "requestId": "r-1",
        "recipientSeq": 1,
        "recipientGroupingKey": "event-1",
        "messageStatus": "COMPLETED",
        "resendStatus": "RSC01",
        "resultCode": "1000",
    } | changes


def failure_of(*replies: Reply) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as failure:
        adapter(ScriptedProvider(*replies)).send(a_message(), lambda: True)
    return failure.value


def test_a_message_is_posted_with_its_reference_as_key_and_in_groups() -> None:
    provider = ScriptedProvider(sent(0))
    message = a_message(reference=REFERENCE)

    assert adapter(provider).send(message, lambda: True) == "r-1"

    assert provider.calls == [f"POST {MESSAGES}"]
    headers = provider.requests[0].headers
    assert headers["Content-Type"] == "application/json;charset=UTF-8"
    assert headers["X-Secret-Key"] == "secret-key"
    assert headers["X-NC-API-IDEMPOTENCY-KEY"] == REFERENCE
    assert provider.body() == {
        "senderKey": "sender-key",
        "templateCode": "ORDER_COMPLETED",
        "senderGroupingKey": "019e7a3c-51",
        "recipientList": [
            {
                "recipientNo": "01012345678",
                "templateParameter": {"name": "김하늘"},
                "resendParameter": {"isResend": False},
                "recipientGroupingKey": REFERENCE,
            }
        ],
    }


def test_a_message_that_finally_failed_is_sent_again_with_another_key() -> None:
    provider = ScriptedProvider(sent(0), sent(0), sent(0))
    for failed in (set(), {"r-1"}, {"r-1", "r-2"}):
        adapter(provider).send(a_message(failed_ids=frozenset(failed)), lambda: True)

    keys = [request.headers["X-NC-API-IDEMPOTENCY-KEY"] for request in provider.requests]
    assert keys == ["event-1", "event-1-1", "event-1-2"]


CLASSES = [
    (-3005, TemplateRefused),
    (-3003, TemplateRefused),
    (-3004, TemplateRefused),
    (-3010, TemplateRefused),
    (-4019, DeliveryRejected),
    (4, DeliveryRejected),
    (3019, DeliveryRejected),
    (-1000, ProviderStopped),
    (-1001, ProviderStopped),
    (-1017, ProviderStopped),
    (-1027, ProviderStopped),
    (-2017, ProviderStopped),
    (9998, ReceiverUnavailable),
    (-1005, EarlierRequestArrived),
    (-7000, OutcomeUnknown),
    (-9999, OutcomeUnknown),
    (-31337, OutcomeUnknown),
]


@pytest.mark.parametrize(("code", "meaning"), CLASSES)
def test_an_error_header_with_status_200_has_the_meaning_of_its_code(
    code: int, meaning: type[DeliveryFailed]
) -> None:
    assert type(failure_of(answered({"header": header(code), "message": None}))) is meaning


@pytest.mark.parametrize(("code", "meaning"), CLASSES)
def test_a_refused_recipient_under_a_success_header_is_no_success(
    code: int, meaning: type[DeliveryFailed]
) -> None:
    assert type(failure_of(sent(code))) is meaning


def test_all_recipients_failed_means_what_the_recipients_code_means() -> None:
    assert type(failure_of(sent(-3005, head=header(-1031), request_id=None))) is TemplateRefused
    assert type(failure_of(answered({"header": header(-1031)}))) is OutcomeUnknown


@pytest.mark.parametrize(
    "head",
    [
        {"resultCode": 0, "isSuccessful": False},
        {"resultCode": -3005, "isSuccessful": True},
        {"resultCode": "0", "isSuccessful": True},
        {"resultCode": 0, "isSuccessful": "true"},
        {"resultCode": 0.0, "isSuccessful": 1},
        {"resultCode": None, "isSuccessful": True},
        {"resultCode": 10**400, "isSuccessful": True},
    ],
)
def test_a_header_that_contradicts_itself_is_no_success(head: dict[str, Any]) -> None:
    failure_of(sent(0, head=head))


@pytest.mark.parametrize(
    "reply",
    [
        sent(),
        sent(0, 0),
        sent(0, -3005),
        sent(0, request_id=None),
        sent(0, request_id=""),
        sent(0, request_id="a\x00b"),
        sent(0, request_id="r" * 1_000),
        sent(0, request_id=7),
        answered({"header": SUCCESS}),
        answered({"header": SUCCESS, "message": {"requestId": "r-1", "sendResults": {}}}),
        answered_bytes(b'{"header":{"resultCode":0,"isSuccessful":true},"message":{"requestId":"\\ud800"}}'),
    ],
)
def test_success_without_one_accepted_recipient_is_unknown(reply: httpx.Response) -> None:
    assert type(failure_of(reply)) is OutcomeUnknown


@malformed_replies
def test_a_malformed_reply_is_unknown_to_each_question(content: bytes) -> None:
    assert type(failure_of(answered_bytes(content))) is OutcomeUnknown
    with pytest.raises(OutcomeUnknown):
        adapter(ScriptedProvider(answered_bytes(content))).find(a_message())
    with pytest.raises(OutcomeUnknown):
        adapter(ScriptedProvider(answered_bytes(content))).results([an_awaited_result("r-1")])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 503])
def test_an_error_status_delays_whatever_is_asked(status: int) -> None:
    reply = {"header": SUCCESS}
    assert isinstance(failure_of(answered(reply, status)), ReceiverUnavailable)
    with pytest.raises(ReceiverUnavailable):
        adapter(ScriptedProvider(answered(reply, status))).find(a_message())
    with pytest.raises(ReceiverUnavailable):
        adapter(ScriptedProvider(answered(reply, status))).results([an_awaited_result("r-1")])


@pytest.mark.parametrize("reply", [httpx.ReadTimeout, answered({}, 500), answered({}, 504)])
def test_a_lost_reply_is_unknown(reply: Reply) -> None:
    assert type(failure_of(reply)) is OutcomeUnknown


def test_a_fault_of_the_account_raises_an_alarm_without_the_reply() -> None:
    with structlog.testing.capture_logs() as logs:
        failure_of(answered({"header": header(-1017), "name": "김하늘"}))

    alarm = {"event": "alimtalk_provider_stopped", "provider": "NHN", "code": "-1017", "log_level": "error"}
    assert logs == [alarm]


def test_nothing_is_posted_once_it_may_not_be_sent() -> None:
    provider = ScriptedProvider(sent(0))

    with pytest.raises(NotSent):
        adapter(provider).send(a_message(), lambda: False)
    assert provider.requests == []


def test_a_look_up_asks_for_the_reference_in_at_most_30_days() -> None:
    provider = ScriptedProvider(found(stored()))

    assert adapter(provider).find(a_message()) == "r-1"

    assert provider.calls == [f"GET {MESSAGES}"]
    assert provider.requests[0].headers["X-Secret-Key"] == "secret-key"
    assert b"+" not in provider.requests[0].url.raw_path
    parameters = dict(provider.requests[0].url.params)
    start, end = (
        datetime.strptime(f"{parameters.pop(name)} +0900", "%Y-%m-%d %H:%M %z")
        for name in ("startRequestDate", "endRequestDate")
    )
    assert end - start == timedelta(days=30)
    assert start < datetime.now(start.tzinfo) < end
    assert parameters == {"recipientGroupingKey": "event-1", "pageSize": "15"}


def test_a_message_that_is_not_found_is_none() -> None:
    assert adapter(ScriptedProvider(found())).find(a_message()) is None


def test_messages_that_finally_failed_are_not_found() -> None:
    first, second, third = (stored(requestId=f"r-{n}") for n in (1, 2, 3))
    failed = a_message(failed_ids=frozenset({"r-1", "r-2"}))

    assert adapter(ScriptedProvider(found(first, second))).find(failed) is None
    assert adapter(ScriptedProvider(found(first, second, third))).find(failed) == "r-3"
    with pytest.raises(OutcomeUnknown):
        adapter(ScriptedProvider(found(first, second, total=3))).find(failed)


@pytest.mark.parametrize("status", ["COMPLETED", "FAILED", "CANCEL", None])
def test_a_found_message_was_accepted_whatever_became_of_it(status: str | None) -> None:
    assert adapter(ScriptedProvider(found(stored(messageStatus=status)))).find(a_message()) == "r-1"


@pytest.mark.parametrize(
    "reply",
    [
        found(stored(recipientGroupingKey="event-2")),
        found(stored(recipientGroupingKey=None)),
        found(total=1),
        found(total=-1),
        found(stored(requestId=7)),
        found(stored(recipientGroupingKey=["event-1"])),
        answered({"header": SUCCESS}),
        answered({"header": header(-4003)}),
        answered({"header": header(-3005)}),
        answered({"header": header(-31337)}),
        answered(
            {
                "header": SUCCESS | {"resultCode": -4003},
                "messageSearchResultResponse": {"messages": [], "totalCount": 0},
            }
        ),
    ],
)
def test_a_look_up_that_excludes_nothing_does_not_count_as_none(reply: httpx.Response) -> None:
    with pytest.raises(OutcomeUnknown):
        adapter(ScriptedProvider(reply)).find(a_message())


def test_an_error_does_not_quote_the_messages_of_others() -> None:
    other = stored(recipientGroupingKey="event-2", recipientNo="01098765432")
    for reply in (found(other), found(other | {"requestId": 7})):
        with pytest.raises(OutcomeUnknown) as failure:
            adapter(ScriptedProvider(reply)).find(a_message())
        assert "01098765432" not in str(failure.value)


def test_a_look_up_with_a_revoked_key_is_delayed() -> None:
    with pytest.raises(ReceiverUnavailable):
        adapter(ScriptedProvider(answered({"header": header(-1001)}))).find(a_message())


def test_a_key_seen_before_is_looked_up_and_not_posted_again() -> None:
    delivery = a_delivery(attempt=2, provider="nhn", seconds_since_possibly_sent=600.0)
    reference = str(delivery.order.event_id)
    provider = ScriptedProvider(
        answered({"header": header(-1005)}), found(stored(recipientGroupingKey=reference))
    )
    send_alimtalk = SendAlimtalk(adapter(provider), 60.0, WRITE_ALIMTALK)

    with pytest.raises(OutcomeUnknown):
        send_alimtalk(a_delivery(delivery.order), lambda: True)
    assert send_alimtalk(delivery, lambda: True).reference == "r-1"
    assert provider.calls == [f"POST {MESSAGES}", f"GET {MESSAGES}"]


@pytest.mark.parametrize(
    ("changes", "state", "by_sms"),
    [
        ({}, ResultState.DELIVERED, False),
        ({"resultCode": "MRC01"}, ResultState.DELIVERED, False),
        ({"messageStatus": "FAILED", "resultCode": "MRC02"}, ResultState.FAILED, False),
        ({"messageStatus": "FAILED", "resultCode": "3019"}, ResultState.FAILED, False),
        ({"messageStatus": "FAILED", "resultCode": "3020"}, ResultState.FAILED, False),
        ({"messageStatus": "FAILED", "resultCode": "3000"}, ResultState.FAILED, False),
        ({"messageStatus": "FAILED", "resultCode": "3005"}, ResultState.UNKNOWN, False),
        ({"messageStatus": "FAILED", "resultCode": "4000"}, ResultState.UNKNOWN, False),
        ({"messageStatus": "FAILED", "resultCode": "5555"}, ResultState.UNKNOWN, False),
        ({"messageStatus": "FAILED", "resultCode": None}, ResultState.UNKNOWN, False),
        ({"resultCode": None}, ResultState.UNKNOWN, False),
        ({"messageStatus": "CANCEL"}, ResultState.FAILED, False),
        ({"messageStatus": "READY", "resultCode": None}, ResultState.ACCEPTED, False),
        ({"messageStatus": None, "resultCode": None}, ResultState.ACCEPTED, False),
        ({"messageStatus": "FAILED", "resendStatus": "RSC03"}, ResultState.ACCEPTED, True),
        ({"messageStatus": "FAILED", "resendStatus": "RSC04"}, ResultState.DELIVERED, True),
        ({"messageStatus": "FAILED", "resendStatus": "RSC05"}, ResultState.FAILED, True),
    ],
)
def test_a_result_has_the_state_of_its_status_and_code(
    changes: dict[str, Any], state: ResultState, by_sms: bool
) -> None:
    provider = ScriptedProvider(found(stored(**changes)))

    (result,) = adapter(provider).results([an_awaited_result("r-1")]).results

    code = stored(**changes)["resultCode"] or ""
    assert result == ProviderResult("r-1", "event-1", state, code, by_sms)
    assert provider.calls == [f"GET {MESSAGES}"]


def test_results_of_a_group_are_asked_for_by_page() -> None:
    awaited = [an_awaited_result("r-1", f"{GROUP}f2-7c3e"), an_awaited_result("r-9", f"{GROUP}a0-7c3e")]
    provider = ScriptedProvider(
        found(stored(requestId="r-1"), stored(requestId="other"), total=3),
        found(stored(requestId="r-9"), total=3),
    )

    answer = adapter(provider).results(awaited)

    assert [result.message_id for result in answer.results] == ["r-1", "r-9"]
    assert answer.unanswered == frozenset()
    asked = [(params["senderGroupingKey"], params["pageNum"]) for params in queries(provider)]
    assert asked == [(GROUP, "1"), (GROUP, "2")]
    assert {params["pageSize"] for params in queries(provider)} == {"500"}


def test_messages_of_the_same_quarter_of_a_second_are_asked_about_together() -> None:
    references = [f"{GROUP}f2-7c3e", f"{GROUP}a0-7c3e", "019e7a3c-52f2-7c3e"]
    groups = [
        adapter(ScriptedProvider()).asked_together(an_awaited_result("r-1", each)) for each in references
    ]

    assert groups == [GROUP, GROUP, "019e7a3c-52"]


def test_results_are_searched_in_the_longest_period() -> None:
    """A message may have been sent long before its acceptance was known, which counts the time."""
    provider = ScriptedProvider(found(stored()))

    adapter(provider).results([an_awaited_result("r-1")])

    start, end = (
        datetime.strptime(f"{queries(provider)[0][name]} +0900", "%Y-%m-%d %H:%M %z")
        for name in ("startRequestDate", "endRequestDate")
    )
    assert end - start == timedelta(days=30)


def test_what_is_not_in_its_group_is_asked_for_by_its_id() -> None:
    """A former release grouped by the whole reference."""
    provider = ScriptedProvider(found(stored(requestId="r-2")), found(stored()), found())

    answer = adapter(provider).results([an_awaited_result(f"r-{n}") for n in (1, 2)])

    assert {result.message_id for result in answer.results} == {"r-1", "r-2"}
    assert dict(queries(provider)[1]) == {"requestId": "r-1", "pageSize": "500"}


@pytest.mark.parametrize(
    ("replies", "known"),
    [
        ((found(stored(), total=9), answered({}, 502)), {"r-1"}),
        ((found(stored()), answered({}, 502)), {"r-1"}),
        ((found(stored()), answered({"header": header(-31337)})), {"r-1"}),
    ],
)
def test_a_failure_costs_no_result_that_is_known(replies: tuple[Reply, ...], known: set[str]) -> None:
    answer = adapter(ScriptedProvider(*replies)).results([an_awaited_result(f"r-{n}") for n in (1, 2)])

    assert {result.message_id for result in answer.results} == known
    assert answer.unanswered == {"r-2"}


def test_at_most_ten_are_asked_for_by_id_and_others_stay_unanswered() -> None:
    awaited = [an_awaited_result(f"r-{n}") for n in range(25)]
    provider = ScriptedProvider(*(found() for _ in range(11)))

    answer = adapter(provider).results(awaited)

    assert answer.results == []
    asked = {params["requestId"] for params in queries(provider)[1:]}
    assert answer.unanswered == {each.message_id for each in awaited} - asked
    assert len(asked) == 10


def queries(provider: ScriptedProvider) -> list[httpx.QueryParams]:
    return [request.url.params for request in provider.requests]


@pytest.mark.parametrize("total", [1, 7, None])
def test_a_message_that_is_in_no_page_has_no_result(total: int | None) -> None:
    other = {"messages": [stored(requestId="r-2")], "totalCount": total}
    nothing: dict[str, Any] = {"messages": [], "totalCount": total}
    pages = [other, nothing, nothing][total == 1 :]
    provider = ScriptedProvider(
        *(answered({"header": SUCCESS, "messageSearchResultResponse": page}) for page in pages)
    )

    assert adapter(provider).results([an_awaited_result("r-1")]) == Answer([])
    assert len(provider.requests) == len(pages)


def test_an_odd_message_of_a_list_costs_the_others_nothing() -> None:
    awaited = [an_awaited_result("r-1"), an_awaited_result("r-2")]
    listed = [stored(resultCode=1000), "odd", stored(requestId="r-2", recipientGroupingKey="\ud800")]
    body = json.dumps(
        {
            "header": SUCCESS,
            "messageSearchResultResponse": {"messages": [*listed, stored(requestId="r-2")], "totalCount": 4},
        }
    )

    results = adapter(ScriptedProvider(answered_bytes(body.encode()), found())).results(awaited).results

    assert [result.message_id for result in results] == ["r-2"]


@pytest.mark.parametrize("reply", [answered({"header": SUCCESS}), answered({"header": header(-31337)})])
def test_a_reply_without_a_list_is_unknown(reply: httpx.Response) -> None:
    with pytest.raises(OutcomeUnknown):
        adapter(ScriptedProvider(reply)).results([an_awaited_result("r-1")])


def hook(**changes: Any) -> dict[str, Any]:
    return {
        "hookId": "h-1",
        "kakaoMessageType": "ALIMTALK_NORMAL",
        "requestId": "r-1",
        "recipientSeq": 1,
        "recipientNo": "01012345678",
        "resultCode": "1000",
        "recipientGroupingKey": "event-1",
        "_links": {"self": {"href": "https://provider/"}},
    } | changes


def webhook(*hooks: object, event: object = "MESSAGE_RESULT_UPDATE") -> bytes:
    body = {"hooksId": "w-1", "appKey": "app-key", "event": event, "hooks": list(hooks)}
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("1000", ResultState.DELIVERED),
        ("3019", ResultState.FAILED),
        ("3005", ResultState.UNKNOWN),
        ("5555", ResultState.UNKNOWN),
    ],
)
def test_a_webhook_gives_the_result_of_its_hook(code: str, state: ResultState) -> None:
    (result,) = parse_webhook(webhook(hook(resultCode=code)), SECRET, SECRET).results

    assert result == ProviderResult("r-1", "event-1", state, code)


def test_a_hook_that_comes_twice_counts_once() -> None:
    body = webhook(hook(), hook(), hook(hookId="h-2", requestId="r-2"))

    reported = parse_webhook(body, SECRET, SECRET)

    assert [result.message_id for result in reported.results] == ["r-1", "r-2"]
    assert parse_webhook(body, SECRET, SECRET) == reported


@pytest.mark.parametrize("signature", [None, "", "webhook-secre", "webhook-secret ", "비밀", "\udcff"])
def test_a_webhook_without_the_configured_secret_is_forged(signature: str | None) -> None:
    with pytest.raises(ForgedWebhook):
        parse_webhook(webhook(hook()), signature, SECRET)


@pytest.mark.parametrize("signature", [None, ""])
def test_an_empty_secret_authenticates_nobody(signature: str | None) -> None:
    with pytest.raises(ForgedWebhook):
        parse_webhook(webhook(hook()), signature, "")


@pytest.mark.parametrize(
    "odd",
    [
        hook(hookId="odd", requestId=7),
        hook(hookId="odd", requestId="a\x00b"),
        hook(hookId="odd", requestId="\ud800"),
        hook(hookId="odd", resultCode=1000),
        hook(hookId="odd", resultCode="1" * 100),
        hook(hookId=None),
        hook(hookId="odd", recipientGroupingKey={"event": 1}),
        "hook",
        None,
    ],
)
def test_an_odd_hook_is_refused_and_the_others_count(odd: object) -> None:
    with structlog.testing.capture_logs() as logs:
        reported = parse_webhook(webhook(odd, hook(), odd), SECRET, SECRET)

    assert [result.message_id for result in reported.results] == ["r-1"]
    assert reported.refused == 2
    (line,) = logs
    assert (line["event"], line["entries"], line["log_level"]) == (
        "alimtalk_results_unreadable",
        2,
        "warning",
    )
    assert "01012345678" not in str(line)


@pytest.mark.parametrize("body", [webhook(event=7), b'{"event":"MESSAGE_RESULT_UPDATE"}'])
def test_a_webhook_without_hooks_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedWebhook):
        parse_webhook(body, SECRET, SECRET)


@malformed_replies
def test_a_malformed_webhook_is_refused(content: bytes) -> None:
    with pytest.raises(MalformedWebhook):
        parse_webhook(content, SECRET, SECRET)


@pytest.mark.parametrize(
    "body",
    [
        webhook(hook(kakaoMessageType="FRIENDTALK_NORMAL")),
        webhook({"status": "TSC03"}, event="TEMPLATE_UPDATE"),
    ],
)
def test_a_webhook_about_something_else_has_no_results(body: bytes) -> None:
    assert parse_webhook(body, SECRET, SECRET) == ReportedResults([])
