"""The end of a relay's process."""

import threading
from collections.abc import Sequence

import structlog

from outbox_relay.running.scheduler import Scheduler
from outbox_relay.running.source_jobs import SourceJobs

_FINISH_SECONDS = 3.0

_log = structlog.get_logger(__name__)


def shut_down(scheduler: Scheduler, sources: Sequence[SourceJobs]) -> None:
    """Finish the pages that are on their way, or else abandon them, and hand over to other relays."""
    finishing = threading.Thread(target=scheduler.stop, name="finish", daemon=True)
    finishing.start()
    finishing.join(_FINISH_SECONDS)
    if finishing.is_alive():
        for source in sources:
            source.stop_publishing()
        _log.info("pages_abandoned")
        finishing.join()
    for source in sources:
        source.close()
