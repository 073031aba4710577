"""The services' HTTP APIs, composed without a server behind them."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from flask_openapi3.openapi import OpenAPI

import coupon_service.api
import notification_service.api
import order_service.api
from order_service.gateways.in_process import InProcessGateway
from order_service.gateways.toss.webhooks import parse_webhook
from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.lifecycle import StopSignal

# Nothing connects before the first request.
_ENGINE = create_engine(DatabaseSettings(database_url="postgresql://nobody@127.0.0.1:1/nothing"), "test")

APPLICATIONS: Mapping[str, Callable[[], OpenAPI]] = {
    "coupon": lambda: coupon_service.api.build_application(_ENGINE, StopSignal(), max_waiting=1),
    "order": lambda: order_service.api.build_application(
        _ENGINE,
        InProcessGateway(),
        timedelta(seconds=60),
        timedelta(seconds=30),
        {"toss": parse_webhook},
    ),
    "notification": lambda: notification_service.api.build_application(_ENGINE),
}
