"""The API's composition root."""

import json
import sys
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path

from flask_openapi3.openapi import OpenAPI
from sqlalchemy import Engine

from order_service.application.add_product import AddProduct
from order_service.application.cancel_order import CancelOrder
from order_service.application.end_cancellation import EndCancellation
from order_service.application.note_payment_hint import NotePaymentHint
from order_service.application.pay_order import PayOrder
from order_service.application.place_order import PlaceOrder
from order_service.application.ports import Coupons, PaymentGateway, WebhookParser
from order_service.application.read_order import ReadOrder
from order_service.application.read_product import ReadProduct
from order_service.application.read_products import ReadProducts
from order_service.application.read_user_orders import ReadUserOrders
from order_service.application.refund_payment import RefundPayment
from order_service.application.reserve_coupon import ReserveCoupon
from order_service.application.send_payment import SendPayment
from order_service.application.settle_payment import SettlePayment
from order_service.config import WAITING_FOR_COUPONS, WAITING_FOR_GATEWAY, ApiSettings
from order_service.coupons.http_coupons import HttpCoupons
from order_service.gateways.configured import configured_gateways
from order_service.gateways.webhooks import webhook_parsers
from order_service.http.cancellations import cancellation_routes
from order_service.http.orders import order_routes
from order_service.http.payments import payment_routes
from order_service.http.problems import PROBLEMS
from order_service.http.products import product_routes
from order_service.http.user_orders import user_order_routes
from order_service.http.webhooks import webhook_routes
from order_service.messaging.outgoing_order_cancelled import order_cancelled
from order_service.messaging.outgoing_order_completed import order_completed
from order_service.migrations import SCHEMA
from order_service.persistence.tables import orders
from order_service.persistence.unit_of_work import OrderSnapshot, OrderUnitOfWork
from servicekit.config import read_settings
from servicekit.db.engine import create_engine
from servicekit.db.health import database_check
from servicekit.db.problems import DATABASE_PROBLEMS
from servicekit.http.app import create_app
from servicekit.http.examples import Examples
from servicekit.observability.tracing import configure_tracing
from servicekit.outbound.turns import Turns

SERVICE = "order-service"
_ANY_NUMBER = sys.maxsize


def create_application() -> OpenAPI:
    """What gunicorn calls in each worker process."""
    settings = read_settings(ApiSettings)
    configure_tracing(SERVICE, settings.otel_exporter_otlp_endpoint)
    return build_application(
        create_engine(settings, "order-api"),
        configured_gateways(settings, settings.gateway_calls_at_once),
        timedelta(seconds=settings.payment_in_progress_seconds),
        timedelta(seconds=settings.payment_begins_within_seconds),
        webhook_parsers(settings.gateways, settings.portone_webhook_secrets),
        requires_catalogue=settings.require_catalog_products,
        refund_lease=settings.refund_lease,
        coupons=_coupons(settings),
        coupon_hold=settings.coupon_hold,
        coupon_currency=settings.coupon_currency,
        gateway_turns=Turns(settings.gateway_calls_at_once, WAITING_FOR_GATEWAY),
        coupon_turns=Turns(settings.coupon_calls_at_once, WAITING_FOR_COUPONS),
    )


def build_application(
    engine: Engine,
    gateway: PaymentGateway,
    payment_in_progress_limit: timedelta,
    payment_begins_within: timedelta,
    webhook_parsers: Mapping[str, WebhookParser] | None = None,
    *,
    requires_catalogue: bool = False,
    refund_lease: timedelta = timedelta(seconds=90),
    coupons: Coupons | None = None,
    coupon_hold: timedelta = timedelta(hours=25),
    coupon_currency: str = "KRW",
    gateway_turns: Turns | None = None,
    coupon_turns: Turns | None = None,
) -> OpenAPI:
    """The API on the given database and gateway; ``webhook_parsers`` by the name of their gateway.

    Without ``coupons`` no order has one. Without turns, any number of threads calls external services.
    """
    unit_of_work, turns = partial(OrderUnitOfWork, engine), gateway_turns or Turns(_ANY_NUMBER)
    settle_payment = SettlePayment(unit_of_work, order_completed)
    send_payment = SendPayment(gateway, payment_begins_within)
    pay_order = PayOrder(
        unit_of_work, gateway, send_payment, settle_payment, payment_in_progress_limit, turns
    )
    end_cancellation = EndCancellation(order_cancelled)
    refund = RefundPayment(unit_of_work, gateway, end_cancellation)
    cancel_order = CancelOrder(unit_of_work, refund, end_cancellation, refund_lease, turns)
    reserve_coupon = None
    if coupons is not None:
        turns_of_coupons = coupon_turns or Turns(_ANY_NUMBER)
        reserve_coupon = ReserveCoupon(unit_of_work, coupons, turns_of_coupons, coupon_hold, coupon_currency)
    place_order = PlaceOrder(unit_of_work, reserve_coupon, requires_catalogue=requires_catalogue)
    read_order = ReadOrder(partial(OrderSnapshot, engine))
    return create_app(
        SERVICE,
        checks={"database": database_check(engine, SCHEMA, orders)},
        problems=[PROBLEMS, DATABASE_PROBLEMS],
        routes=[
            product_routes(AddProduct(unit_of_work), ReadProduct(unit_of_work), ReadProducts(unit_of_work)),
            order_routes(place_order, read_order),
            user_order_routes(ReadUserOrders(partial(OrderSnapshot, engine))),
            payment_routes(pay_order),
            cancellation_routes(cancel_order),
            webhook_routes(NotePaymentHint(unit_of_work), webhook_parsers or {}),
        ],
        examples=_examples(),
    )


def _coupons(settings: ApiSettings) -> Coupons | None:
    if settings.coupon_service_url is None:
        return None
    return HttpCoupons(settings.coupon_service_url, settings.coupon_calls_at_once)


def _examples() -> Examples:
    text = Path(__file__).with_name("examples.json").read_text(encoding="utf-8")
    examples: Examples = json.loads(text)
    return examples
