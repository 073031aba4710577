"""Log lines for errors that last: one when an error begins or changes, one when it has gone."""

import structlog

from outbox_relay.protocol.errors import RelayError

_log = structlog.get_logger(__name__)


def log_error_change(source: str, work: str, former: RelayError | None, present: RelayError | None) -> None:
    """Log what keeps the database from serving ``work``, unless ``former`` says the same."""
    if present is None:
        if former is not None:
            _log.info("work_resumed", source=source, work=work)
    elif former is None or str(former) != str(present):
        _log.warning("work_failed", source=source, work=work, reason=str(present))
