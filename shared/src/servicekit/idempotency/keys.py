"""First come, first executed; the same again gets the same reply."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, Table, func, select, tuple_

from servicekit.db.prepared import PreparedStatement, qualified, text_array
from servicekit.idempotency.key import Claim, IdempotencyKey, IdempotencyKeyReused, Outcome, Reply

_Identity = tuple[str, str]
_Stored = tuple[str, Reply]
_JSON = json.JSONEncoder()


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

    def claim_all(self, claims: Sequence[Claim]) -> list[Outcome]:
        """:meth:`claim` for each, in order, as if one after the other; errors are returned, not raised.

        A key that stands in ``claims`` twice is first at its first place. Keys are inserted in order, so that
        two callers with overlapping sets don't deadlock.
        """
        firsts: dict[_Identity, Claim] = {}
        for claim in claims:
            firsts.setdefault(_identity(claim.key), claim)
        ours = self._insert(list(firsts.values()))
        stored = self._stored(set(firsts) - ours)
        # Retention has deleted these since they were in the way.
        gone = {identity for identity in set(firsts) - ours if not _is_used(firsts[identity].key, stored)}
        if gone:
            ours |= self._insert([firsts[identity] for identity in gone])
            stored |= self._stored(gone - ours)
        outcomes: list[Outcome] = []
        for claim in claims:
            first = firsts[_identity(claim.key)]
            if _identity(claim.key) not in ours:
                outcomes.append(_earlier_reply(claim.key, stored))
            elif claim is first:
                outcomes.append(None)
            else:
                same = claim.key.fingerprint == first.key.fingerprint
                outcomes.append(first.reply if same else IdempotencyKeyReused(claim.key.key))
        return outcomes

    def find_all(self, keys: Sequence[IdempotencyKey]) -> list[Outcome]:
        """The outcome that each key would have now, by what is committed. Nothing is claimed."""
        stored = self._stored({_identity(key) for key in keys})
        return [_earlier_reply(key, stored) if _is_used(key, stored) else None for key in keys]

    def first_used_at(self, key: IdempotencyKey) -> datetime:
        """When the request with ``key`` came first, by the database's clock. The key was claimed before."""
        columns = self._table.c
        statement = select(func.min(columns.created_at)).where(
            tuple_(columns.scope, columns.key).in_([_identity(key), ("", key.key)]),
            columns.fingerprint == key.fingerprint,
        )
        first: datetime = self._connection.execute(statement).scalar_one()
        return first

    def _insert(self, claims: Sequence[Claim]) -> set[_Identity]:
        """Insert those that are new, and return what they are."""
        if not claims:
            return set()
        inserted = _insertion(self._table).execute(
            self._connection,
            text_array([claim.key.scope for claim in claims]),
            text_array([claim.key.key for claim in claims]),
            text_array([claim.key.fingerprint for claim in claims]),
            text_array([_JSON.encode(dict(claim.reply)) for claim in claims]),
        )
        if inserted.rowcount == len(claims):
            inserted.close()
            return {_identity(claim.key) for claim in claims}
        return {(row.scope, row.key) for row in inserted}

    def _stored(self, identities: set[_Identity]) -> dict[_Identity, _Stored]:
        """The rows that these have in their own scope and in none."""
        if not identities:
            return {}
        columns = self._table.c
        wanted = identities | {("", key) for _, key in identities}
        statement = select(columns.scope, columns.key, columns.fingerprint, columns.reply).where(
            tuple_(columns.scope, columns.key).in_(sorted(wanted))
        )
        return {
            (row.scope, row.key): (row.fingerprint, row.reply) for row in self._connection.execute(statement)
        }


@cache
def _insertion(table: Table) -> PreparedStatement:
    name = qualified(table)
    return PreparedStatement(
        f"INSERT INTO {name} (scope, key, fingerprint, reply)"  # noqa: S608 - our own names
        " SELECT scope, key, fingerprint, reply::jsonb"
        " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])"
        " AS claimed (scope, key, fingerprint, reply)"
        # No index compares a key with a row of the former release, whose scope is empty.
        f" WHERE NOT EXISTS (SELECT FROM {name} AS unscoped WHERE unscoped.scope = ''"
        " AND unscoped.key = claimed.key AND unscoped.fingerprint = claimed.fingerprint)"
        # Every index that may make a transaction wait for another one is locked in this order.
        " ORDER BY key, scope ON CONFLICT DO NOTHING RETURNING scope, key"
    )


def _identity(key: IdempotencyKey) -> _Identity:
    return key.scope, key.key


def _is_used(key: IdempotencyKey, stored: Mapping[_Identity, _Stored]) -> bool:
    unscoped_fingerprint, _ = stored.get(("", key.key), (None, {}))
    return _identity(key) in stored or unscoped_fingerprint == key.fingerprint


def _earlier_reply(key: IdempotencyKey, stored: Mapping[_Identity, _Stored]) -> Reply | IdempotencyKeyReused:
    """The reply that ``key`` has in its own scope or, from the former release, in none."""
    for identity in ((key.scope, key.key), ("", key.key)):
        fingerprint, reply = stored.get(identity, (None, {}))
        if fingerprint == key.fingerprint:
            return reply
    return IdempotencyKeyReused(key.key)
