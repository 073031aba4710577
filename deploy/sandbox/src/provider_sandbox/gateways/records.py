"""All that the gateways keep, in one file, and their clock."""

from provider_sandbox.clock import Clock
from provider_sandbox.database import Database
from provider_sandbox.gateways.idempotency import IdempotencyRecord
from provider_sandbox.gateways.payment_record import PaymentRecord
from provider_sandbox.request_record import RequestRecord
from provider_sandbox.webhooks.queue import WebhookQueue


class GatewayRecords:
    """One of each kind, on the same database, so that one transaction can span them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = Clock()
        self.payments = PaymentRecord(database)
        self.idempotency = IdempotencyRecord(database)
        self.requests = RequestRecord(database)
        self.webhooks = WebhookQueue(database)

    def clear(self) -> None:
        """Forget everything."""
        with self.database.transaction():
            for record in (self.payments, self.idempotency, self.requests, self.webhooks):
                record.clear()
