"""Servers, and ways to them, on which a relay can't do its work."""

from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine, event, text

from outbox_relay.protocol.errors import OnStandby, SessionsShared

_MARK = "outbox_relay.session"
_LOOKS = 5

_SET_MARK = text("SELECT set_config(:name, :value, false)")
_GET_MARK = text("SELECT current_setting(:name, true)")


def refuse_standbys(engine: Engine, address: str) -> None:
    """Look with each new connection; connecting raises :class:`OnStandby`, until the server is promoted."""

    @event.listens_for(engine, "connect")
    def check(dbapi_connection: Any, record: object) -> None:
        with dbapi_connection.cursor() as cursor:
            cursor.execute("SELECT pg_is_in_recovery()")
            (is_standby,) = cursor.fetchone()
        if is_standby:
            dbapi_connection.close()
            raise OnStandby(
                f"{address} is a standby, where no cursor can be saved: let DATABASE_URL name the primary"
            )


def refuse_shared_sessions(engine: Engine, own: Connection) -> int:
    """The server process of this session, which must stay the same.

    Raises :class:`SessionsShared` when a pooler gives each transaction another session: a lock would then
    belong to the pooler and outlive its relay.
    """
    pid = int(own.execute(text("SELECT pg_backend_pid()")).scalar_one())
    # A pooler can't know the process when it greets its client, so it makes a number up.
    if own.connection.dbapi_connection.get_backend_pid() == pid:  # type: ignore[union-attr]  # psycopg2's
        return pid
    mark = {"name": _MARK, "value": str(uuid4())}
    own.execute(_SET_MARK, mark)
    with engine.connect() as other:
        for _ in range(_LOOKS):
            # A shared session became free with the latest answer, and the next question gets it.
            if other.execute(_GET_MARK, mark).scalar() == mark["value"]:
                raise SessionsShared
            if own.execute(_GET_MARK, mark).scalar() != mark["value"]:
                raise SessionsShared
    return pid
