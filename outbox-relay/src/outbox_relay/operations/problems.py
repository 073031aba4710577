"""How the relay's errors are answered over HTTP."""

from outbox_relay.postgresql.dead_letter_operations import (
    DeadLetterIsClosed,
    DeadLetterIsReplaying,
    DeadLetterNotFound,
)
from outbox_relay.protocol.errors import SourceUnavailable
from servicekit.http.problems import ProblemTable, ProblemType

PROBLEMS: ProblemTable = {
    DeadLetterNotFound: ProblemType(404, "dead-letter-not-found"),
    DeadLetterIsReplaying: ProblemType(409, "dead-letter-is-replaying"),
    DeadLetterIsClosed: ProblemType(409, "dead-letter-is-closed"),
    SourceUnavailable: ProblemType(503, "source-unavailable", retry_after_seconds=1),
}
