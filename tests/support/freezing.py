"""Freezing a process exactly where it hurts: inside of an open transaction."""

from collections.abc import Mapping

from tests.support.controlled_stack import ControlledStack
from tests.support.external_services import ExternalServices
from tests.support.stack_databases import StackDatabases
from tests.support.waiting import wait_until

CONSUMERS = 3


def freeze_holding_claims(
    stack: ControlledStack,
    databases: StackDatabases,
    external_services: ExternalServices,
    name: str,
) -> set[str]:
    """Freeze one of three notification consumers that has claimed messages and not yet sent all of them.

    Returns the events whose messages it has claimed.
    """

    def freeze() -> set[str] | None:
        stack.pause(name)
        claims = databases.claims()
        if len(set(claims.values())) >= CONSUMERS:
            (held,) = wait_until(
                lambda: _left_over(databases, external_services, claims), "the others to finish theirs"
            )
            if held - external_services.messages().keys():
                return held
        stack.resume(name)
        return None

    return wait_until(freeze, f"{name} to hold claims")


def _left_over(
    databases: StackDatabases, external_services: ExternalServices, claims: Mapping[str, str]
) -> tuple[set[str]] | None:
    """The events that are still held under these claims, once the others send what they claimed since."""
    held = _still_held(databases, claims)
    accepted = external_services.messages().total()
    wait_until(lambda: external_services.messages().total() >= accepted + 16, "messages of the others")
    return (held,) if held == _still_held(databases, claims) else None


def _still_held(databases: StackDatabases, claims: Mapping[str, str]) -> set[str]:
    now = databases.claims()
    return {event for event, claim in claims.items() if now.get(event) == claim}


def freeze_inside_a_transaction(
    stack: ControlledStack, databases: StackDatabases, name: str, database: str, table: str
) -> int:
    """Freeze (SIGSTOP) the process ``name`` while a transaction of its has come as far as writing ``table``.

    Returns the backend that is left with that transaction, and with every lock that it has taken, open and
    idle. The table is locked for a moment, so that the process has to wait there; the lock is gone on return.
    """
    pid = stack.info().services[name].pid
    assert pid is not None

    def freeze_where_it_waits() -> int | None:
        if not databases.sessions_waiting_for(table, database, pid):
            return None
        stack.pause(name)
        waiting = databases.sessions_waiting_for(table, database, pid)
        if waiting:
            return waiting[0]
        stack.resume(name)
        return None

    def freeze() -> int | None:
        with databases.locked(database, table):
            backend = wait_until(freeze_where_it_waits, f"{name} to wait for {table}")
        if databases.settled_state(database, backend) == "idle in transaction":
            return backend
        # It had waited for too long in the same moment: nothing is held.
        stack.resume(name)
        return None

    return wait_until(freeze, f"{name} to be inside a transaction")
