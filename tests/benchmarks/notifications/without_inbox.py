"""``notification-service`` whose inbox remembers nothing: what the inbox costs. Only for the benchmark."""

from collections.abc import Iterable
from unittest.mock import patch
from uuid import UUID

from notification_service.cli import main
from notification_service.persistence import unit_of_work
from servicekit.inbox.inbox import Inbox
from servicekit.inbox.offsets import save_applying


class ForgetfulInbox(Inbox):
    """Takes every event for a new one. Offsets are saved all the same: they are the loop's."""

    def accept(self, event_ids: Iterable[UUID]) -> set[UUID]:
        save_applying(self._connection, self._consumer_group)
        return set(event_ids)


if __name__ == "__main__":
    with patch.object(unit_of_work, "Inbox", ForgetfulInbox):
        main()
