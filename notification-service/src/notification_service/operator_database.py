"""The database of a command that an operator runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from sqlalchemy import Engine

from notification_service.application.ports import UnitOfWorkFactory
from notification_service.config import OperatorSettings
from notification_service.messaging.incoming_order_completed import CONSUMER_GROUP
from notification_service.migrations import SCHEMA
from notification_service.persistence.unit_of_work import NotificationUnitOfWork
from servicekit.config import load_settings
from servicekit.db.operated_engine import operated_engine
from servicekit.db.schema_check import check_schema_or_exit
from servicekit.observability.logging import configure_logging


@contextmanager
def operator_engine(process: str) -> Iterator[Engine]:
    """An engine by the environment's settings; ``process`` is the name in the log and at the server.

    A wrong setting or schema ends the process with one line.
    """
    settings = load_settings(OperatorSettings)
    configure_logging(settings.log_level, settings.log_format, process)
    check_schema_or_exit(settings, SCHEMA)
    with operated_engine(settings, process) as engine:
        yield engine


@contextmanager
def operator_transactions(process: str) -> Iterator[UnitOfWorkFactory]:
    """Transactions on the engine of :func:`operator_engine`."""
    with operator_engine(process) as engine:
        yield partial(NotificationUnitOfWork, engine, CONSUMER_GROUP)
