"""Toss's replies, and an adapter that gets them."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
from pydantic import SecretStr

from order_service.gateways.refund_reasons import reason_of
from order_service.gateways.toss.api import TossApi
from order_service.gateways.toss.gateway import TossGateway
from tests.support.order_builders import NOON, a_refund, a_request

SECRET_KEY = "test_sk_0123456789"
REQUEST = a_request("key-1", gateway="toss")
REFUND = a_refund(REQUEST)
LATE = NOON + timedelta(minutes=13)


def a_payment(**changes: Any) -> dict[str, Any]:
    return {
        "paymentKey": "key-1",
        "orderId": str(REQUEST.order_id),
        "status": "DONE",
        "currency": "KRW",
        "totalAmount": 30_000,
        "balanceAmount": 30_000,
        "approvedAt": "2026-11-23T21:00:00+09:00",
        "virtualAccount": None,
        "cancels": None,
        "failure": None,
        "secret": "ps_kept_from_logs",
        "addedWithoutNotice": {},
        **changes,
    }


def a_cancel(**changes: Any) -> dict[str, Any]:
    return {
        "cancelAmount": 30_000,
        "cancelReason": reason_of(REFUND),
        "refundableAmount": 0,
        "canceledAt": "2026-11-23T21:00:00+09:00",
        "cancelStatus": "DONE",
        **changes,
    }


def toss(answer: Callable[[httpx.Request], httpx.Response]) -> TossGateway:
    client = httpx.Client(transport=httpx.MockTransport(answer))
    api = TossApi(client, client, "http://toss.example/", SecretStr(SECRET_KEY))
    return TossGateway(api, "account-1")


def answering(status: int, body: Any) -> TossGateway:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return toss(lambda request: httpx.Response(status, content=content))
