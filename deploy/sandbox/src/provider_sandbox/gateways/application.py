"""The gateways' paths."""

from flask import Blueprint

from provider_sandbox.gateways.checkout.routes import checkout_routes
from provider_sandbox.gateways.portone.routes import portone_routes
from provider_sandbox.gateways.sandbox import Sandbox
from provider_sandbox.gateways.toss.routes import toss_routes

PREFIX = "/gateways"


def gateway_routes(sandbox: Sandbox) -> list[Blueprint]:
    """All gateways, each behind its name, and the page for buyers; to be mounted at PREFIX."""
    records, controls, desks = sandbox.records, sandbox.controls, sandbox.desks
    return [
        toss_routes(records, controls["toss"], desks["toss"]),
        portone_routes(records, controls["portone"], desks["portone"]),
        checkout_routes(desks),
    ]
