"""``/checkout``: HTML alone, without a script."""

from collections.abc import Mapping
from typing import get_args

from flask import Blueprint, Response, redirect, render_template, request
from pydantic import ValidationError
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from provider_sandbox.gateways.checkout.query import CheckoutQuery, DecisionForm
from provider_sandbox.gateways.checkout.returning import address, returned
from provider_sandbox.gateways.desk import PaymentDesk
from provider_sandbox.gateways.money import to_number
from provider_sandbox.gateways.names import GatewayName
from provider_sandbox.gateways.payment import Currency, Method, Payment

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
_CARD_DECLINED = "REJECT_CARD_PAYMENT"


def checkout_routes(desks: Mapping[GatewayName, PaymentDesk]) -> Blueprint:
    """A form for an order, the window that it opens, and what becomes of a decision in it."""
    routes = Blueprint("checkout", __name__, url_prefix="/checkout", template_folder="templates")
    by_name: Mapping[str, PaymentDesk] = {str(name): desk for name, desk in desks.items()}

    @routes.get("/<gateway>")
    def get_window(gateway: str) -> Response:
        if gateway not in by_name:
            raise NotFound
        return _window(by_name[gateway]) if "orderId" in request.args else _form(gateway, 200, [])

    @routes.post("/<gateway>/<key>")
    def post_decision(gateway: str, key: str) -> BaseResponse:
        if gateway not in by_name:
            raise NotFound
        return _decided(by_name[gateway], key)

    @routes.after_request
    def add_policy(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response

    return routes


def _window(desk: PaymentDesk) -> Response:
    try:
        query = CheckoutQuery.model_validate(request.args.to_dict())
    except ValidationError as error:
        return _form(desk.gateway, 400, [f"{each['loc'][0]}: {each['msg']}" for each in error.errors()])
    payment = desk.open(query.purchase)
    return _page("window", payment=payment, price=_price(payment), query=query)


def _decided(desk: PaymentDesk, key: str) -> BaseResponse:
    try:
        form = DecisionForm.model_validate(request.form.to_dict())
    except ValidationError:
        return _page("result", status=400, title="결정을 알 수 없습니다", result={})
    payment = desk.get(key)
    if payment is None or payment.status != "READY":
        return _page("result", status=409, title="결제 시간이 만료되었거나 이미 처리되었습니다", result={})
    if form.action in ("pay", "decline"):
        payment = desk.authenticate(payment, _CARD_DECLINED if form.action == "decline" else None)
    result = returned(payment, form.action)
    target = address(form, form.action, result)
    if target is None:
        return _page("result", title="상점으로 돌아갑니다", result=result)
    return redirect(target, 303)


def _form(gateway: str, status: int, errors: list[str]) -> Response:
    return _page(
        "order",
        status=status,
        gateway=gateway,
        errors=errors,
        given=request.args,
        currencies=get_args(Currency),
        methods=get_args(Method),
    )


def _page(name: str, *, status: int = 200, **values: object) -> Response:
    return Response(render_template(f"checkout/{name}.html", **values), status, mimetype="text/html")


def _price(payment: Payment) -> str:
    number = to_number(payment.amount, payment.currency)
    return f"{number:,}원" if payment.currency == "KRW" else f"{number:,} {payment.currency}"
