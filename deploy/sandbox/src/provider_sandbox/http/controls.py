"""``/controls``: for tests, not for clients of the receivers."""

from collections.abc import Callable

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from provider_sandbox.controls import Faults, FaultSource, FaultsT
from provider_sandbox.http.bodies import ControlsBody
from provider_sandbox.http.replies import ControlsReply
from provider_sandbox.providers.application import ProviderControls
from provider_sandbox.providers.clock import Clock
from servicekit.http.replies import json_reply
from servicekit.http.routes import route


def control_routes(
    alimtalk: FaultSource[Faults],
    monitoring: FaultSource[Faults],
    providers: ProviderControls,
    clock: Clock,
    changed: Callable[[], None],
) -> APIBlueprint:
    """Setting faults and reading those still to come. ``changed`` is called after a change."""
    routes = APIBlueprint("controls", __name__, url_prefix="/controls")

    def current() -> Response:
        return json_reply(
            ControlsReply(
                alimtalk=alimtalk.faults,
                monitoring=monitoring.faults,
                nhn=providers.nhn.faults,
                solapi=providers.solapi.faults,
                sens=providers.sens.faults,
                aligo=providers.aligo.faults,
                clock=clock.control,
            )
        )

    @route(routes, "GET", "", summary="Read the faults still to come", replies={200: ControlsReply})
    def get_controls() -> Response:
        return current()

    @route(routes, "PUT", "", summary="Set faults", replies={200: ControlsReply})
    def put_controls(body: ControlsBody) -> Response:
        _set(alimtalk, body.alimtalk)
        _set(monitoring, body.monitoring)
        _set(providers.nhn, body.nhn)
        _set(providers.solapi, body.solapi)
        _set(providers.sens, body.sens)
        _set(providers.aligo, body.aligo)
        if body.clock is not None:
            clock.set(body.clock)
        changed()
        return current()

    return routes


def _set(source: FaultSource[FaultsT], faults: FaultsT | None) -> None:
    if faults is not None:
        source.set(faults)
