"""``/controls``: what goes wrong, and what time it is."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from provider_sandbox.gateways.operating.bodies import ControlsBody
from provider_sandbox.gateways.operating.replies import ControlsReply
from provider_sandbox.operating.controls import ControlPanel
from servicekit.http.routes import route


def control_routes(panel: ControlPanel) -> APIBlueprint:
    """Setting controls and reading what is left of them."""
    routes = APIBlueprint("controls", __name__, url_prefix="/controls")

    @route(routes, "GET", "", summary="Read the controls", replies={200: ControlsReply})
    def get_controls() -> Response:
        return panel.show()

    @route(routes, "PUT", "", summary="Set controls", replies={200: ControlsReply})
    def put_controls(body: ControlsBody) -> Response:
        return panel.set(body)

    return routes
