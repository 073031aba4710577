"""What clients of an API see of an error of its database."""

import random

import structlog
from sqlalchemy.exc import SQLAlchemyError

from servicekit.db.disclosure import summary
from servicekit.db.errors import Verdict, verdict
from servicekit.http.problems import Problem, ProblemTable, unexpected_problem
from servicekit.idempotency.key import IdempotencyKeyHeld

RETRY_AFTER_SECONDS = (1, 5)
"""The least and the most. It is drawn for each reply, so that clients don't come back all at once."""

_log = structlog.get_logger(__name__)


def _database_problem(error: SQLAlchemyError) -> Problem:
    match verdict(error):
        case Verdict.UNAVAILABLE:
            # Expected while a database restarts: the client repeats, and no operator is needed.
            _log.warning("database_unavailable", reason=summary(error))
            return _try_again("database-unavailable", "The database can't be used just now.")
        case Verdict.CONFLICT:
            return _busy(summary(error))
        case Verdict.BUG:
            return unexpected_problem(error)


def _key_held(error: IdempotencyKeyHeld) -> Problem:
    return _busy(str(error))


def _busy(reason: str) -> Problem:
    _log.warning("database_busy", reason=reason)
    return _try_again("database-busy", "Another request stood in the way.")


def _try_again(slug: str, detail: str) -> Problem:
    advice = f"{detail} Send the request again, with its Idempotency-Key."
    seconds = random.randint(*RETRY_AFTER_SECONDS)  # noqa: S311 - spreads retries, guards nothing
    return Problem(503, slug, advice, headers={"Retry-After": str(seconds)})


DATABASE_PROBLEMS: ProblemTable = {SQLAlchemyError: _database_problem, IdempotencyKeyHeld: _key_held}
