"""First come, first executed; the same again gets the same reply."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from servicekit.idempotency.key import IdempotencyKey, IdempotencyKeyReused

Reply = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Claim:
    """A key and the reply (JSON) that its first use will get, which every later use gets too."""

    key: IdempotencyKey
    reply: Reply


class IdempotencyKeys:
    """Keys on a connection whose transaction belongs to the caller. It never commits.

    A key, its effect and its reply commit together: a key that can be seen always has its reply.
    """

    def __init__(self, connection: Connection, table: Table) -> None:
        self._connection = connection
        self._table = table

    def claim(self, key: IdempotencyKey, reply: Reply) -> Reply | None:
        """None when this transaction is the first with ``key``: do the work and commit.

        Otherwise the reply of the first one. A concurrent first one is waited for. Raises
        :class:`IdempotencyKeyReused` when the first one's fingerprint was another.
        """
        [outcome] = self.claim_all([Claim(key, reply)])
        if isinstance(outcome, IdempotencyKeyReused):
            raise outcome
        return outcome

    def claim_all(self, claims: Sequence[Claim]) -> list[Reply | IdempotencyKeyReused | None]:
        """:meth:`claim` for each, in order, as if one after the other; errors are returned, not raised.

        A key that stands in ``claims`` twice is first at its first place. Keys are inserted in order, so that
        two callers with overlapping sets don't deadlock.
        """
        firsts: dict[tuple[str, str], Claim] = {}
        for claim in claims:
            firsts.setdefault((claim.key.scope, claim.key.key), claim)
        ours = self._insert(firsts)
        stored = self._stored(set(firsts) - ours)
        outcomes: list[Reply | IdempotencyKeyReused | None] = []
        for claim in claims:
            identity = (claim.key.scope, claim.key.key)
            if identity in ours and claim is firsts[identity]:
                outcomes.append(None)
                continue
            first = firsts[identity]
            fingerprint, reply = stored.get(identity, (first.key.fingerprint, first.reply))
            same = fingerprint == claim.key.fingerprint
            outcomes.append(reply if same else IdempotencyKeyReused(claim.key.key))
        return outcomes

    def _insert(self, firsts: Mapping[tuple[str, str], Claim]) -> set[tuple[str, str]]:
        if not firsts:
            return set()
        rows = [
            {
                "scope": scope,
                "key": key,
                "fingerprint": claim.key.fingerprint,
                "reply": dict(claim.reply),
            }
            for (scope, key), claim in sorted(firsts.items())
        ]
        columns = self._table.c
        statement = insert(self._table).on_conflict_do_nothing().returning(columns.scope, columns.key)
        return {(row.scope, row.key) for row in self._connection.execute(statement, rows)}

    def _stored(self, identities: set[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, Reply]]:
        if not identities:
            return {}
        columns = self._table.c
        statement = select(columns.scope, columns.key, columns.fingerprint, columns.reply).where(
            tuple_(columns.scope, columns.key).in_(sorted(identities))
        )
        return {
            (row.scope, row.key): (row.fingerprint, row.reply) for row in self._connection.execute(statement)
        }
