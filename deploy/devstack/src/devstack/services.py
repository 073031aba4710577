"""The services' processes and migrations, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self


@dataclass(frozen=True)
class Service:
    """One process. `{…}` in an environment's value stands for a place of the stack, see `places`."""

    name: str
    command: tuple[str, ...]
    port_variable: str = "HTTP_PORT"
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Migration:
    """A command that brings a database up to date, run to its end before the services start."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Deployment:
    """Everything that runs on a stack's PostgreSQL and Kafka."""

    services: tuple[Service, ...]
    migrations: tuple[Migration, ...] = ()

    def telling_kafka_clients(self, variables: Mapping[str, str]) -> Self:
        """Return the same with these variables for every service that reads where Kafka is."""
        literal = {name: value.replace("{", "{{").replace("}", "}}") for name, value in variables.items()}
        services = (
            replace(service, environment={**service.environment, **literal})
            if "KAFKA_BOOTSTRAP_SERVERS" in service.environment
            else service
            for service in self.services
        )
        return replace(self, services=tuple(services))


DATABASE_OWNERS = {
    "coupon": "coupon_service",
    "order": "order_service",
    "notification": "notification_service",
}
RELAY_ROLE = "outbox_relay"
OUTBOX_DATABASES = ("coupon", "order")


def _database(name: str) -> dict[str, str]:
    return {"DATABASE_URL": f"{{{name}_database_url}}"}


def _kafka(client_id: str) -> dict[str, str]:
    return {"KAFKA_BOOTSTRAP_SERVERS": "{bootstrap_servers}", "KAFKA_CLIENT_ID": client_id}


def _notification_consumer(number: int) -> Service:
    name = f"notification-consumer-{number}"
    outside = {
        "ALIMTALK_URL": "{provider_sandbox_url}",
        "MONITORING_WEBHOOK_URL": "{provider_sandbox_url}/webhooks/monitoring",
    }
    environment = {**_database("notification"), **_kafka(name), **outside}
    return Service(name, ("notification-service", "consumer"), "ADMIN_PORT", environment)


_WORKERS = {"HTTP_WORKERS": "2"}
_RELAY = {"OUTBOX_RELAY_ROLE": RELAY_ROLE}

SHOP = Deployment(
    services=(
        Service(
            "provider-sandbox",
            ("provider-sandbox", "run"),
            environment={"SANDBOX_DATABASE_PATH": "{directory}/provider-sandbox.sqlite"},
        ),
        Service("coupon-api", ("coupon-service", "api"), environment={**_database("coupon"), **_WORKERS}),
        Service(
            "coupon-worker",
            ("coupon-service", "worker"),
            "ADMIN_PORT",
            {**_database("coupon"), **_kafka("coupon-worker")},
        ),
        Service(
            "order-api",
            ("order-service", "api"),
            environment={**_database("order"), **_WORKERS, "PAYMENT_GATEWAY": "in-process"},
        ),
        Service(
            "outbox-relay",
            ("outbox-relay", "run"),
            environment={
                **_kafka("outbox-relay"),
                "SOURCES__COUPON__DATABASE_URL": "{coupon_outbox_url}",
                "SOURCES__ORDER__DATABASE_URL": "{order_outbox_url}",
            },
        ),
        Service(
            "notification-api",
            ("notification-service", "api"),
            environment={**_database("notification"), **_WORKERS},
        ),
        *(_notification_consumer(number) for number in (1, 2, 3)),
    ),
    migrations=(
        Migration("coupon-migrate", ("coupon-service", "migrate"), {**_database("coupon"), **_RELAY}),
        Migration("order-migrate", ("order-service", "migrate"), {**_database("order"), **_RELAY}),
        Migration("notification-migrate", ("notification-service", "migrate"), _database("notification")),
    ),
)
