"""All that the doubles keep, in one file."""

from provider_sandbox.clock import Clock
from provider_sandbox.database import Database
from provider_sandbox.providers.message_record import MessageRecord
from provider_sandbox.providers.solapi.group_record import GroupRecord
from provider_sandbox.providers.template_record import TemplateRecord
from provider_sandbox.providers.used_keys import UsedKeys
from provider_sandbox.request_record import RequestRecord
from provider_sandbox.webhooks.queue import WebhookQueue


class ProviderRecords:
    """One of each kind, on the same database, so that one transaction can span them; and their clock."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = Clock()
        self.messages = MessageRecord(database)
        self.requests = RequestRecord(database)
        self.templates = TemplateRecord(database)
        self.used_keys = UsedKeys(database)
        self.groups = GroupRecord(database)
        self.webhooks = WebhookQueue(database)

    def clear(self) -> None:
        """Forget all but the templates."""
        with self.database.transaction():
            for record in (self.messages, self.requests, self.used_keys, self.groups, self.webhooks):
                record.clear()
