"""First come, first executed; the same again gets the same reply."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, Table, func, select, tuple_
from sqlalchemy.exc import DBAPIError

from servicekit.db.errors import sqlstate
from servicekit.db.prepared import PreparedStatement, qualified, text_array
from servicekit.idempotency.key import (
    Claim,
    IdempotencyKey,
    IdempotencyKeyHeld,
    IdempotencyKeyReused,
    Outcome,
    Reply,
)

_Identity = tuple[str, str]
_Stored = tuple[str, Reply]
_JSON = json.JSONEncoder()
_NOT_IN_TIME = "55P03"
_HARDLY_MS = 1


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
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def claim_all(self, claims: Sequence[Claim], wait_ms: int | None = None) -> list[Outcome]:
        """:meth:`claim` for each, in order, as if one after the other; errors are returned, not raised.

        A key that stands in ``claims`` twice is first at its first place. Keys are inserted in order, so that
        two callers with overlapping sets don't deadlock. A concurrent first use is waited for as long as any
        lock; or for ``wait_ms``, and then IdempotencyKeyHeld is raised and this transaction has failed.
        """
        firsts: dict[_Identity, Claim] = {}
        for claim in claims:
            firsts.setdefault(_identity(claim.key), claim)
        ours = self._insert(list(firsts.values()), wait_ms)
        stored = self._stored(set(firsts) - ours)
        # Retention has deleted these since they were in the way.
        gone = {identity for identity in set(firsts) - ours if not _is_used(firsts[identity].key, stored)}
        if gone:
            ours |= self._insert([firsts[identity] for identity in gone], wait_ms)
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

    def claim_free(self, claims: Sequence[Claim]) -> list[Outcome]:
        """:meth:`claim_all`, waiting for no other transaction: IdempotencyKeyHeld stands for what it has.

        One key after the other: it takes many times as long.
        """
        outcomes: dict[int, Outcome] = {}
        for number in sorted(range(len(claims)), key=lambda number: _order(claims[number].key)):
            try:
                with self._connection.begin_nested():
                    [outcomes[number]] = self.claim_all([claims[number]], _HARDLY_MS)
            except IdempotencyKeyHeld as held:
                outcomes[number] = held
        return [outcomes[number] for number in range(len(claims))]

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

    def _insert(self, claims: Sequence[Claim], wait_ms: int | None) -> set[_Identity]:
        """Insert those that are new, and return what they are."""
        if not claims:
            return set()
        arguments: list[object] = [
            text_array([claim.key.scope for claim in claims]),
            text_array([claim.key.key for claim in claims]),
            text_array([claim.key.fingerprint for claim in claims]),
            text_array([_JSON.encode(dict(claim.reply)) for claim in claims]),
        ]
        insertion = _insertion(self._table)
        if wait_ms is not None:
            insertion = _insertion_in_time(self._table)
            arguments.append(f"{wait_ms}ms")
        try:
            rows = insertion.execute(self._connection, *arguments)
        except DBAPIError as error:
            if wait_ms is not None and sqlstate(error) == _NOT_IN_TIME:
                raise IdempotencyKeyHeld from error
            raise
        return {(row.scope, row.key) for row in rows if row.scope is not None}

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
    return PreparedStatement(_insert_text(table))


@cache
def _insertion_in_time(table: Table) -> PreparedStatement:
    """The same within ``$5``, a limit for this statement's locks only."""
    # In one statement: two more round trips would be a part of each request's price.
    return PreparedStatement(
        "WITH patience AS MATERIALIZED"  # noqa: S608 - our own names
        " (SELECT current_setting('lock_timeout') AS usual, set_config('lock_timeout', $5::text, true)),"
        f" inserted AS ({_insert_text(table, 'patience, ')})"
        # Read to their end one after the other: the limit is restored once the last row is inserted.
        " SELECT scope, key FROM inserted"
        " UNION ALL SELECT NULL, set_config('lock_timeout', usual, true) FROM patience"
    )


def _insert_text(table: Table, source: str = "") -> str:
    name = qualified(table)
    return (
        f"INSERT INTO {name} (scope, key, fingerprint, reply)"  # noqa: S608 - our own names
        " SELECT scope, key, fingerprint, reply::jsonb"
        f" FROM {source}unnest($1::text[], $2::text[], $3::text[], $4::text[])"
        " AS claimed (scope, key, fingerprint, reply)"
        # No index compares a key with a row of the former release, whose scope is empty.
        f" WHERE NOT EXISTS (SELECT FROM {name} AS unscoped WHERE unscoped.scope = ''"
        " AND unscoped.key = claimed.key AND unscoped.fingerprint = claimed.fingerprint)"
        # Every index that may make a transaction wait for another one is locked in this order.
        " ORDER BY key, scope ON CONFLICT DO NOTHING RETURNING scope, key"
    )


def _order(key: IdempotencyKey) -> tuple[str, str]:
    return key.key, key.scope


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
