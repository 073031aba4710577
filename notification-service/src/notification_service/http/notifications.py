"""``GET /api/v1/notifications?orderId=``"""

from typing import Literal
from uuid import UUID

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.openapi import OpenAPI

from notification_service.application.list_notifications import ListNotifications
from notification_service.domain.delivery import Delivery, DeliveryStatus
from servicekit.fields import JsonModel, RequestModel, Time
from servicekit.http.problems import ProblemReply
from servicekit.http.replies import json_reply


class NotificationsQuery(RequestModel):
    """Whose notifications."""

    order_id: UUID


class EffectReply(JsonModel):
    """One effect of the order's event. ``nextAttemptAt`` is null once the status is final."""

    effect: Literal["alimtalk", "analytics", "monitoring"]
    status: DeliveryStatus
    event_id: UUID
    attempts: int
    next_attempt_at: Time | None
    last_error: str | None
    created_at: Time
    completed_at: Time | None


class NotificationsReply(JsonModel):
    """The three effects of an order; no effects when its event hasn't arrived, or there is no such order."""

    order_id: UUID
    effects: list[EffectReply]


def register_notifications(app: OpenAPI, list_notifications: ListNotifications) -> None:
    api = APIBlueprint("notifications", __name__)

    @api.get(
        "/api/v1/notifications",
        summary="What became of an order's effects",
        responses={200: NotificationsReply, 422: ProblemReply},
    )
    def notifications(query: NotificationsQuery) -> Response:
        deliveries = list_notifications(query.order_id)
        return json_reply(
            NotificationsReply(
                order_id=query.order_id, effects=[_effect_reply(delivery) for delivery in deliveries]
            )
        )

    app.register_api(api)


def _effect_reply(delivery: Delivery) -> EffectReply:
    return EffectReply.model_validate(
        {
            "effect": delivery.effect.value.lower(),
            "status": delivery.status,
            "event_id": delivery.event_id,
            "attempts": delivery.attempts,
            "next_attempt_at": delivery.due_at,
            "last_error": delivery.last_error,
            "created_at": delivery.created_at,
            "completed_at": delivery.completed_at,
        }
    )
