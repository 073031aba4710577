"""Freezing a process exactly where it hurts: between its transactions, or inside of one."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.support.controlled_stack import ControlledStack
from tests.support.external_services import ExternalServices
from tests.support.stack_databases import StackDatabases
from tests.support.waiting import wait_until

CONSUMERS = ("notification-consumer-1", "notification-consumer-2", "notification-consumer-3")
WRITTEN_BY_SENDING = ("delivery", "alimtalk_provider")


def freeze_holding_claims(
    stack: ControlledStack,
    databases: StackDatabases,
    external_services: ExternalServices,
    name: str,
) -> set[str]:
    """Freeze one of the notification consumers that has claimed messages and not yet sent all of them.

    Returns the events whose messages it has claimed: the others are frozen meanwhile, so that whatever is
    claimed then is claimed by this one. None is frozen with locks for which the others would have to wait.
    """
    wait_until(databases.claims, "claims")
    with ExitStack() as others:
        for other in CONSUMERS:
            if other != name:
                others.enter_context(_frozen_between_sends(stack, databases, other))
        claims_of_others = databases.claims()

        def freeze() -> set[str] | None:
            if _freeze_between_sends(stack, databases, name):
                claims = databases.claims()
                held = {event for event, claim in claims.items() if claims_of_others.get(event) != claim}
                if held - external_services.messages().keys():
                    return held
                stack.resume(name)
            return None

        return wait_until(freeze, f"{name} to hold claims")


@contextmanager
def _frozen_between_sends(stack: ControlledStack, databases: StackDatabases, name: str) -> Iterator[None]:
    wait_until(
        lambda: _freeze_between_sends(stack, databases, name), f"{name} to be between its transactions"
    )
    try:
        yield
    finally:
        stack.resume(name)


def _freeze_between_sends(stack: ControlledStack, databases: StackDatabases, name: str) -> bool:
    """Freeze the process, unless it is about to write what sending writes; whether it is frozen."""
    pid = stack.info().services[name].pid
    assert pid is not None
    stack.pause(name)
    if databases.sessions_writing(WRITTEN_BY_SENDING, "notification", pid):
        stack.resume(name)
        return False
    return True


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
