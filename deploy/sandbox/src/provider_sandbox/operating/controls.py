"""``/controls``: what goes wrong, and what time it is."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response
from pydantic import BaseModel

from provider_sandbox.clock import Clock
from provider_sandbox.controls import ControlSource
from servicekit.http.replies import json_reply


class ControlPanel:
    """The controls of several doubles and their clock, by their names in JSON."""

    def __init__(
        self, sources: Mapping[Any, ControlSource[Any]], clock: Clock, changed: Callable[[], None]
    ) -> None:
        """``changed`` is called after a change."""
        self._settable: Mapping[str, ControlSource[Any] | Clock] = {**sources, "clock": clock}
        self._changed = changed

    def show(self) -> Response:
        return json_reply({name: each.controls for name, each in self._settable.items()})

    def set(self, body: BaseModel) -> Response:
        """What ``body`` has under a name is set; None leaves it as it is."""
        for name, each in self._settable.items():
            controls = getattr(body, name)
            if controls is not None:
                each.set(controls)
        self._changed()
        return self.show()
