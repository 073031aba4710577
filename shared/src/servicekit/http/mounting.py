"""An application beside another, for clients that don't keep the API's rules for bodies: webhooks."""

from collections.abc import Mapping

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

_EXTENSION = "servicekit-mounted"


def mount(app: Flask, prefix: str, mounted: Flask) -> None:
    """Serve ``mounted`` below ``prefix``; its routes are listed among those of ``app``."""
    app.extensions.setdefault(_EXTENSION, {})[prefix] = mounted
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {prefix: mounted})  # type: ignore[method-assign]


def mounted_applications(app: Flask) -> Mapping[str, Flask]:
    """By their prefix."""
    applications: Mapping[str, Flask] = app.extensions.get(_EXTENSION, {})
    return applications
