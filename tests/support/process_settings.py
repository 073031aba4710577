"""The settings class of each process, by the name that the compose file and Kubernetes have for it."""

from pydantic_settings import BaseSettings

import coupon_service.config
import notification_service.config
import order_service.config
import outbox_relay.config
import provider_sandbox.config

SETTINGS: dict[str, type[BaseSettings]] = {
    "coupon-migrate": coupon_service.config.MigrationSettings,
    "coupon-api": coupon_service.config.ApiSettings,
    "coupon-watch": coupon_service.config.WatchSettings,
    "coupon-worker": coupon_service.config.WorkerSettings,
    "order-migrate": order_service.config.MigrationSettings,
    "order-api": order_service.config.ApiSettings,
    "order-worker": order_service.config.WorkerSettings,
    "notification-migrate": notification_service.config.MigrationSettings,
    "notification-api": notification_service.config.ApiSettings,
    "notification-consumer": notification_service.config.ConsumerSettings,
    "outbox-relay": outbox_relay.config.RelaySettings,
    "topics": outbox_relay.config.TopicsSettings,
    "provider-sandbox": provider_sandbox.config.SandboxSettings,
}
