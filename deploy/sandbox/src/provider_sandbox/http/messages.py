"""The alimtalk provider: ``/alimtalk/v1/messages``

It accepts the same reference as often as it is sent: whoever sends twice is to be found out.
"""

import re
from dataclasses import asdict
from typing import Annotated
from uuid import uuid4

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.openapi import OpenAPI
from pydantic import Field, StringConstraints

from provider_sandbox.controls import SENDING_FAULTS, FaultSource
from provider_sandbox.http.faults import refuse
from provider_sandbox.http.paging import PageQuery
from provider_sandbox.record import Record
from servicekit.fields import JsonModel, RequestModel, Storable
from servicekit.http.problems import Problem, ProblemReply
from servicekit.http.replies import json_reply

_KOREAN_MOBILE_NUMBER = re.compile(r"01[016789][0-9]{7,8}")


class MessageBody(RequestModel):
    """A message: the finished text, and the variables with which its template gives that text."""

    reference: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=100), Storable]
    template_code: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=30), Storable]
    recipient_no: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=30), Storable]
    variables: Annotated[dict[str, str], Field(max_length=40)] = Field(default_factory=dict)
    content: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=1000), Storable]


class MessagesQuery(PageQuery):
    """All messages, or those with one reference."""

    reference: str | None = None


class AcceptedReply(JsonModel):
    message_id: str
    status: str


class MessageReply(JsonModel):
    message_id: str
    reference: str
    template_code: str
    recipient_no: str
    variables: dict[str, str]
    content: str
    accepted_at: str
    status: str = "ACCEPTED"


class MessagesReply(JsonModel):
    """``next`` is null on the last page."""

    messages: list[MessageReply]
    next: int | None


def register_messages(app: OpenAPI, record: Record, faults: FaultSource) -> None:
    api = APIBlueprint("messages", __name__)

    @api.post(
        "/alimtalk/v1/messages",
        summary="Send a message",
        responses={
            200: AcceptedReply,
            400: ProblemReply,
            422: ProblemReply,
            429: ProblemReply,
            503: ProblemReply,
        },
    )
    def send(body: MessageBody) -> Response:
        faults.delay()
        fault = faults.take(*SENDING_FAULTS)
        refuse(fault)
        _check_recipient(body)
        message_id = str(uuid4())
        record.add_message(
            message_id=message_id,
            reference=body.reference,
            template_code=body.template_code,
            recipient_no=body.recipient_no,
            variables=body.variables,
            content=body.content,
        )
        if fault == "timeout_after_accept_next":
            faults.time_out()
        return json_reply(AcceptedReply(message_id=message_id, status="ACCEPTED"))

    @api.get("/alimtalk/v1/messages", summary="Accepted messages", responses={200: MessagesReply})
    def messages(query: MessagesQuery) -> Response:
        if query.reference is not None:
            # The list without a reference is for whoever counts, and never fails.
            faults.delay()
            refuse(faults.take("fail_next_lookups"))
        found = record.messages(reference=query.reference, after=query.after, limit=query.limit)
        replies = []
        for message in found:
            values = asdict(message)
            del values["sequence"]
            replies.append(MessageReply(**values))
        full = len(found) == query.limit
        return json_reply(MessagesReply(messages=replies, next=found[-1].sequence if full else None))

    app.register_api(api)


def _check_recipient(body: MessageBody) -> None:
    if not _KOREAN_MOBILE_NUMBER.fullmatch(body.recipient_no):
        detail = "The recipient's number is not a Korean mobile number."
        errors = [{"field": "recipientNo", "detail": "must be a Korean mobile number in digits"}]
        raise Problem(400, "invalid-recipient", detail, errors=errors)
