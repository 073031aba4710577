"""``/controls``: what goes wrong, and what time it is."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel

from provider_sandbox.clock import Clock
from provider_sandbox.controls import ControlSource
from servicekit.http.models import BodyModel
from servicekit.http.replies import json_reply
from servicekit.http.routes import route


def control_routes(
    sources: Mapping[Any, ControlSource[Any]],
    clock: Clock,
    changed: Callable[[], None],
    body_model: type[BodyModel],
    reply_model: type[BaseModel],
) -> APIBlueprint:
    """Setting controls and reading what is left of them.

    Both models have a field for each source and one for the clock; the body's are None where nothing is set.
    ``changed`` is called after a change.
    """
    routes = APIBlueprint("controls", __name__, url_prefix="/controls")
    settable: Mapping[str, ControlSource[Any] | Clock] = {**sources, "clock": clock}

    def current() -> Response:
        return json_reply({name: each.controls for name, each in settable.items()})

    @route(routes, "GET", "", summary="Read the controls", replies={200: reply_model})
    def get_controls() -> Response:
        return current()

    @route(routes, "PUT", "", summary="Set controls", replies={200: reply_model})
    def put_controls(body: body_model) -> Response:  # type: ignore[valid-type]
        for name, each in settable.items():
            controls = getattr(body, name)
            if controls is not None:
                each.set(controls)
        changed()
        return current()

    return routes
