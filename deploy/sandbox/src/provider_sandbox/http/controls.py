"""``/controls``: for tests, not for clients of the two receivers."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from provider_sandbox.controls import FaultSource
from provider_sandbox.http.bodies import ControlsBody
from provider_sandbox.http.replies import ControlsReply
from servicekit.http.replies import json_reply
from servicekit.http.routes import route


def control_routes(alimtalk: FaultSource, monitoring: FaultSource) -> APIBlueprint:
    """Setting faults and reading those still to come."""
    routes = APIBlueprint("controls", __name__, url_prefix="/controls")

    def current() -> Response:
        return json_reply(ControlsReply(alimtalk=alimtalk.faults, monitoring=monitoring.faults))

    @route(routes, "GET", "", summary="Read the faults still to come", replies={200: ControlsReply})
    def get_controls() -> Response:
        return current()

    @route(routes, "PUT", "", summary="Set faults", replies={200: ControlsReply})
    def put_controls(body: ControlsBody) -> Response:
        for source, faults in ((alimtalk, body.alimtalk), (monitoring, body.monitoring)):
            if faults is not None:
                source.set(faults)
        return current()

    return routes
