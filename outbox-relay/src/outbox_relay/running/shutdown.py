"""The end of a relay's process, which comes in time whatever hangs."""

import os
import threading
from collections.abc import Sequence

import structlog

from outbox_relay.running.scheduler import Scheduler
from outbox_relay.running.source_jobs import SourceJobs

_FINISH_SECONDS = 3.0
_GIVE_UP_SECONDS = 8.0

_log = structlog.get_logger(__name__)


def shut_down(scheduler: Scheduler, sources: Sequence[SourceJobs]) -> None:
    """Finish the pages that are on their way, or else abandon them, and hand over to other relays.

    Ends the process when that takes longer than eight seconds.
    """
    watchdog = threading.Timer(_GIVE_UP_SECONDS, _give_up)
    watchdog.daemon = True
    watchdog.start()
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
    watchdog.cancel()


def _give_up() -> None:
    # A thread waits for a server that no longer answers. Nothing is lost by leaving it: what isn't in a saved
    # cursor is published again, and PostgreSQL frees the lock with the session.
    _log.warning("relay_stop_forced")
    os._exit(0)
