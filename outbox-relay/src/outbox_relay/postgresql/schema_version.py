"""Which outboxes this relay may work on."""

import threading
from typing import Any

import structlog
from sqlalchemy import Engine, event

from outbox_relay.protocol.errors import UnsuitedSchema
from servicekit.db.schema import SchemaRefused
from servicekit.outbox.schema import OUTBOX

_log = structlog.get_logger(__name__)
# A source has several engines, which connect at the same time.
_lock = threading.Lock()
_warned: set[tuple[str, int]] = set()


def check_at_connect(engine: Engine, source: str) -> None:
    """Look at the outbox's version with each new connection, so that no job and no command goes without.

    Connecting raises :class:`UnsuitedSchema`; other sources go on, and this one does when its schema suits.
    """

    @event.listens_for(engine, "connect")
    def check(dbapi_connection: Any, record: object) -> None:
        try:
            found = OUTBOX.read(dbapi_connection)
            after = f"`outbox-relay ddl --from {found.version}`"
            OUTBOX.check(found, "outbox-relay", f"run its service's migration, or the SQL of {after}")
        except SchemaRefused as error:
            dbapi_connection.close()
            raise UnsuitedSchema(str(error)) from error
        if found.version > OUTBOX.newest:
            _warn_once(source, found.version)


def _warn_once(source: str, version: int) -> None:
    with _lock:
        if (source, version) in _warned:
            return
        _warned.add((source, version))
    _log.warning("schema_is_newer", source=source, schema=OUTBOX.name, version=version, known=OUTBOX.newest)
