"""``/controls``: what goes wrong, and what time it is."""

from collections.abc import Callable, Mapping

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from provider_sandbox.gateways.controls import ControlSource
from provider_sandbox.gateways.names import GatewayName
from provider_sandbox.gateways.operating.bodies import ControlsBody
from provider_sandbox.gateways.operating.replies import ControlsReply
from provider_sandbox.providers.clock import Clock
from servicekit.http.replies import json_reply
from servicekit.http.routes import route


def control_routes(
    sources: Mapping[GatewayName, ControlSource], clock: Clock, changed: Callable[[], None]
) -> APIBlueprint:
    """Setting controls and reading what is left of them. ``changed`` is called after a change."""
    routes = APIBlueprint("controls", __name__, url_prefix="/controls")

    def current() -> Response:
        return json_reply(
            ControlsReply(
                toss=sources["toss"].controls, portone=sources["portone"].controls, clock=clock.control
            )
        )

    @route(routes, "GET", "", summary="Read the controls", replies={200: ControlsReply})
    def get_controls() -> Response:
        return current()

    @route(routes, "PUT", "", summary="Set controls", replies={200: ControlsReply})
    def put_controls(body: ControlsBody) -> Response:
        if body.toss is not None:
            sources["toss"].set(body.toss)
        if body.portone is not None:
            sources["portone"].set(body.portone)
        if body.clock is not None:
            clock.set(body.clock)
        changed()
        return current()

    return routes
