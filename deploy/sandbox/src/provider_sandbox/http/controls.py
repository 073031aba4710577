"""``/controls``: for tests, not for clients of the receivers."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from provider_sandbox.http.bodies import ControlsBody
from provider_sandbox.http.replies import ControlsReply
from provider_sandbox.operating.controls import ControlPanel
from servicekit.http.routes import route


def control_routes(panel: ControlPanel) -> APIBlueprint:
    """Setting faults and reading those still to come."""
    routes = APIBlueprint("controls", __name__, url_prefix="/controls")

    @route(routes, "GET", "", summary="Read the faults still to come", replies={200: ControlsReply})
    def get_controls() -> Response:
        return panel.show()

    @route(routes, "PUT", "", summary="Set faults", replies={200: ControlsReply})
    def put_controls(body: ControlsBody) -> Response:
        return panel.set(body)

    return routes
