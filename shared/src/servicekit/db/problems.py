"""What clients of an API see of an error of its database."""

import structlog
from sqlalchemy.exc import SQLAlchemyError

from servicekit.db.errors import is_conflict, is_unavailable
from servicekit.http.problems import Problem, ProblemTable, unexpected_problem

RETRY_AFTER_SECONDS = 1

_log = structlog.get_logger(__name__)


def _database_problem(error: SQLAlchemyError) -> Problem:
    if is_unavailable(error):
        # Expected while a database restarts: the client repeats, and no operator is needed.
        _log.warning("database_unavailable", reason=_cause(error))
        return _try_again("database-unavailable", "The database can't be reached just now.")
    if is_conflict(error):
        _log.warning("database_busy", reason=_cause(error))
        return _try_again("database-busy", "Another request stood in the way.")
    return unexpected_problem(error)


def _cause(error: SQLAlchemyError) -> str:
    """The driver's message, in a line. SQLAlchemy's own message has the statement and its values."""
    lines = str(getattr(error, "orig", error)).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"


def _try_again(slug: str, detail: str) -> Problem:
    advice = f"{detail} Send the request again, with its Idempotency-Key."
    return Problem(503, slug, advice, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


DATABASE_PROBLEMS: ProblemTable = {SQLAlchemyError: _database_problem}
