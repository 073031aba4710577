"""Create the partitions that will be needed, and drop those whose retention is over."""

import structlog

from outbox_relay.postgresql.retention import PartitionChanges, Retention
from outbox_relay.protocol.errors import RelayError

_log = structlog.get_logger(__name__)


class MaintainPartitions:
    """Keeps the partitions of one source. What fails is tried again with the next run."""

    def __init__(self, source: str, retention: Retention) -> None:
        self._source = source
        self._retention = retention

    def run_once(self) -> PartitionChanges:
        try:
            changes = self._retention.run_once()
        except RelayError as error:
            _log.warning("maintenance_failed", source=self._source, reason=str(error))
            return PartitionChanges()
        if changes.made or changes.dropped:
            _log.info("partitions_changed", source=self._source, made=changes.made, dropped=changes.dropped)
        return changes
