"""The seals of the ledger's hours: a chain, each link a SHA-256 of its hour and of the link before.

An hour's digest is that of, one after the other: the former digest's 32 bytes; a line with the hour, such as
``2026-01-31T09:00:00Z``; and a line for each entry that was recorded in the hour, by the time when it was
recorded, then by its id. A line ends with a line feed. An entry's is a JSON array::

    [entry id, kind, source id, payment id, order id, occurred at, recorded at,
     [[account, currency, amount], …]]

as Python's ``json.dumps(…, ensure_ascii=False)`` writes it, with times in microseconds since 1970 and the
postings in the order of their accounts' and currencies' bytes. Hours without entries are sealed as well. The
first seal of a ledger is of the hour before it began, and is FIRST_DIGEST.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)
FIRST_DIGEST = bytes(32)
GRACE = timedelta(minutes=1)
"""After an hour's end, until it is sealed: for a clock that is set back a little."""


@dataclass(frozen=True, slots=True)
class Seal:
    """That the hour which begins at ``hour``, in UTC, had so many entries."""

    hour: datetime
    entries: int
    digest: bytes

    @property
    def is_first(self) -> bool:
        """Whether a ledger may begin with it."""
        return self.digest == FIRST_DIGEST and not self.entries

    @property
    def ends_at(self) -> datetime:
        return self.hour + HOUR


def hour_of(moment: datetime) -> datetime:
    """When the hour began that holds a moment in UTC."""
    return moment.replace(minute=0, second=0, microsecond=0)


def named(hour: datetime) -> str:
    """As operators write it."""
    return f"{hour:%Y-%m-%dT%H:%MZ}"


def seal_after(former: Seal, lines: Iterable[str]) -> Seal:
    """The seal of the hour after ``former``'s, of entries in their order, without line feeds."""
    hour = former.ends_at
    digest = hashlib.sha256(former.digest + f"{hour:%Y-%m-%dT%H:%M:%SZ}\n".encode())
    entries = 0
    for line in lines:
        digest.update(line.encode() + b"\n")
        entries += 1
    return Seal(hour, entries, digest.digest())
