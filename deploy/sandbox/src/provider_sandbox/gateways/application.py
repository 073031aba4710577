"""The gateways as one Flask application, without the documents and checks of our own services."""

from collections.abc import Mapping

from flask import Flask

from provider_sandbox.gateways.checkout.routes import checkout_routes
from provider_sandbox.gateways.controls import ControlSource
from provider_sandbox.gateways.desk import PaymentDesk
from provider_sandbox.gateways.names import GatewayName
from provider_sandbox.gateways.portone.routes import portone_routes
from provider_sandbox.gateways.records import GatewayRecords
from provider_sandbox.gateways.toss.routes import toss_routes
from servicekit.http.problems import register_problems
from servicekit.http.request_context import register_request_context
from servicekit.http.validation import MAX_BODY_BYTES

PREFIX = "/gateways"


def gateway_application(
    records: GatewayRecords,
    controls: Mapping[GatewayName, ControlSource],
    desks: Mapping[GatewayName, PaymentDesk],
) -> Flask:
    """All gateways, each behind its name, and the page for buyers; to be mounted at PREFIX."""
    app = Flask("gateways")
    # What the server hands on of a longer body is cut off.
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    register_request_context(app)
    register_problems(app)
    app.register_blueprint(toss_routes(records, controls["toss"], desks["toss"]))
    app.register_blueprint(portone_routes(records, controls["portone"], desks["portone"]))
    app.register_blueprint(checkout_routes(desks))
    return app
