"""What each process reads of its environment. The only module that does."""

from typing import Annotated

from pydantic import Field

from order_service.coupon_settings import CouponSettings
from order_service.payment_settings import PaymentSettings
from order_service.webhook_settings import WebhookSettings
from servicekit.config import (
    AdminSettings,
    DatabaseSettings,
    HttpSettings,
    OutboxMigrationSettings,
    Port,
    ProcessSettings,
)

WAITING_FOR_GATEWAY = 96
WAITING_FOR_COUPONS = 32
"""So many requests may wait for their turn, in threads beside those that work: as many as come while the host
stands still for half a second."""


class ApiSettings(
    WebhookSettings, PaymentSettings, CouponSettings, HttpSettings, DatabaseSettings, ProcessSettings
):
    """``order-service api``."""

    http_port: Port = 8002
    # Refuses orders of other products, whose price only the client knows.
    require_catalog_products: bool = False

    @property
    def gateway_calls_at_once(self) -> int:
        """If gateway and coupon-service are slow together, a quarter of the threads is left to all else."""
        return max(1, self.http_threads // 2)

    @property
    def coupon_calls_at_once(self) -> int:
        return max(1, self.http_threads // 4)

    @property
    def threads(self) -> int:
        """Those that may wait for a turn come on top of the ones that work."""
        calls = self.gateway_calls_at_once + self.coupon_calls_at_once
        return max(self.http_threads, calls + 1) + WAITING_FOR_GATEWAY + WAITING_FOR_COUPONS


LOOK_UPS_AT_ONCE = 8
"""Of a worker. Enough for 100 a second at a gateway that answers within 80 ms."""


class WorkerSettings(PaymentSettings, CouponSettings, AdminSettings, DatabaseSettings, ProcessSettings):
    """``order-service worker``."""

    # For each look-up, the next claim, gateways' refunds and webhooks, expiry, coupons, seals, figures,
    # retention, and /readyz.
    database_pool_size: Annotated[int, Field(ge=1, le=200)] = LOOK_UPS_AT_ONCE + 12
    payment_look_ups_per_second: Annotated[int, Field(ge=1, le=1_000)] = 100
    # No client repeats a request for a day.
    idempotency_key_retention_hours: Annotated[int, Field(ge=24, le=1_000_000)] = 168
    # From the payment or expiry on, 180 days. A cancellation tells the buyer by alimtalk only until then: the
    # law's longest time to withdraw is three months, and the rest is for what shops grant besides.
    order_recipient_retention_hours: Annotated[int, Field(ge=24, le=1_000_000)] = 4_320


class ListingSettings(DatabaseSettings, ProcessSettings):
    """``order-service payments`` and ``ledger``, where no gateway is asked."""


class OperatingSettings(PaymentSettings, DatabaseSettings, ProcessSettings):
    """``order-service payments look-up`` and ``refund``, ``ledger verify --gateway``."""

    # A shell that lacks the worker's variables must not close accounts that buyers may pay into. Those that
    # aren't sold are closed by the worker.
    sells_virtual_accounts: bool = True


class MigrationSettings(OutboxMigrationSettings):
    """``order-service migrate``."""
