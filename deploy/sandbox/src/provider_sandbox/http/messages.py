"""``/alimtalk/v1/messages``: the alimtalk provider.

It accepts a reference as often as it is sent, so that a message that was sent twice can be found.
"""

import re
from uuid import uuid4

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from provider_sandbox.controls import ControlSource
from provider_sandbox.http.bodies import BatchBody, MessageBody, MessagesQuery
from provider_sandbox.http.faults import raise_fault
from provider_sandbox.http.replies import AcceptedReply, BatchReply, BatchResult, MessagesReply
from provider_sandbox.providers.controls import SENDING_FAULTS, Faults, timing_out
from provider_sandbox.record import Record
from servicekit.http.problems import Problem
from servicekit.http.replies import json_reply
from servicekit.http.routes import route

_KOREAN_MOBILE_NUMBER = re.compile(r"01[016789][0-9]{7,8}")


def message_routes(record: Record, controls: ControlSource[Faults]) -> APIBlueprint:
    """Sending a message and listing those accepted."""
    routes = APIBlueprint("messages", __name__, url_prefix="/alimtalk/v1/messages")

    @route(routes, "POST", "", summary="Send a message", replies={200: AcceptedReply})
    def post_message(body: MessageBody) -> Response:
        controls.delay()
        fault = controls.take(*SENDING_FAULTS)
        raise_fault(fault)
        _check_recipient(body)
        message_id = str(uuid4())
        with timing_out(controls, fault):
            record.add_messages([{"message_id": message_id, **body.model_dump()}])
        return json_reply(AcceptedReply(message_id=message_id))

    @route(routes, "POST", "/batch", summary="Send several messages", replies={200: BatchReply})
    def post_batch(body: BatchBody) -> Response:
        controls.delay()
        fault = controls.take(*SENDING_FAULTS)
        raise_fault(fault)
        results = [_result_of(message) for message in body.messages]
        with timing_out(controls, fault):
            record.add_messages(
                {"message_id": result.message_id, **message.model_dump()}
                for message, result in zip(body.messages, results, strict=True)
                if result.message_id is not None
            )
        return json_reply(BatchReply(results=results))

    @route(routes, "GET", "", summary="List accepted messages", replies={200: MessagesReply})
    def get_messages(query: MessagesQuery) -> Response:
        if query.reference is not None:
            # Without a reference the list is for tests that count, and never fails.
            controls.delay()
            raise_fault(controls.take("fail_next_lookups"))
        found = record.messages(reference=query.reference, after=query.after, limit=query.limit)
        return json_reply(MessagesReply.of(found, query.limit))

    return routes


def _result_of(message: MessageBody) -> BatchResult:
    if _KOREAN_MOBILE_NUMBER.fullmatch(message.recipient_no):
        return BatchResult(reference=message.reference, message_id=str(uuid4()), status="ACCEPTED")
    return BatchResult(reference=message.reference, message_id=None, status="REJECTED")


def _check_recipient(body: MessageBody) -> None:
    if not _KOREAN_MOBILE_NUMBER.fullmatch(body.recipient_no):
        detail = "The recipient's number is not a Korean mobile number."
        errors = [{"field": "recipientNo", "detail": "must be a Korean mobile number in digits"}]
        raise Problem(400, "invalid-recipient", detail, errors=errors)
