"""``/controls`` and ``/records``: for whoever runs a test, not for clients of the two receivers."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.openapi import OpenAPI

from provider_sandbox.controls import Faults, FaultSource
from provider_sandbox.record import Record
from servicekit.fields import JsonModel, RequestModel
from servicekit.http.problems import ProblemReply
from servicekit.http.replies import json_reply


class ControlsBody(RequestModel):
    """A receiver that isn't named keeps its faults; a fault of a named receiver that isn't named ends."""

    alimtalk: Faults | None = None
    monitoring: Faults | None = None


class ControlsReply(JsonModel):
    """The faults still to come."""

    alimtalk: Faults
    monitoring: Faults


class RecordsReply(JsonModel):
    """Totals of what was received. A message sent twice shows as more messages than references."""

    messages: int
    message_references: int
    webhooks: int
    webhook_repetitions: int


def register_controls(app: OpenAPI, record: Record, alimtalk: FaultSource, monitoring: FaultSource) -> None:
    api = APIBlueprint("controls", __name__)

    def current() -> Response:
        return json_reply(ControlsReply(alimtalk=alimtalk.faults, monitoring=monitoring.faults))

    @api.get("/controls", summary="Faults still to come", responses={200: ControlsReply})
    def get_controls() -> Response:
        return current()

    @api.put("/controls", summary="Set faults", responses={200: ControlsReply, 422: ProblemReply})
    def put_controls(body: ControlsBody) -> Response:
        for source, faults in ((alimtalk, body.alimtalk), (monitoring, body.monitoring)):
            if faults is not None:
                source.set(faults)
        return current()

    @api.get("/records", summary="Totals of what was received", responses={200: RecordsReply})
    def get_records() -> Response:
        return json_reply(record.totals())

    @api.delete("/records", summary="Forget what was received", responses={204: None})
    def delete_records() -> Response:
        record.clear()
        return Response(status=204)

    app.register_api(api)
