"""The addresses of the stack that the demo runs on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from devstack.info import StackInfo
from servicekit.kafka.cluster import KafkaCluster


@dataclass(frozen=True, slots=True)
class StackAccess:
    kind: str
    postgresql_version: str
    kafka_version: str
    cluster: KafkaCluster
    database_urls: Mapping[str, str]
    service_urls: Mapping[str, str]
    gateway: str | None = None
    """The one that orders are paid at in the sandbox; None for order-service's own."""

    @classmethod
    def of(cls, info: StackInfo, cluster: KafkaCluster) -> Self:
        return cls(
            kind=info.kind,
            postgresql_version=info.postgresql.version,
            kafka_version=info.kafka.version,
            cluster=cluster,
            database_urls=info.postgresql.databases,
            service_urls={
                name: service.url for name, service in info.services.items() if service.url is not None
            },
            gateway=info.gateway,
        )

    @property
    def coupon_api(self) -> str:
        return self.service_urls["coupon-api"]

    @property
    def order_api(self) -> str:
        return self.service_urls["order-api"]

    @property
    def notification_api(self) -> str:
        return self.service_urls["notification-api"]

    @property
    def webhooks(self) -> str:
        """Where the sandbox reports results: containers know each other by name."""
        api = "http://notification-api:8003" if self.kind == "compose" else self.notification_api
        return f"{api}/webhooks/alimtalk"

    @property
    def sandbox(self) -> str:
        return self.service_urls["provider-sandbox"]

    @property
    def gateway_sandbox(self) -> str:
        return self.service_urls["gateway-sandbox"]
