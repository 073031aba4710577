"""Freezing a process exactly where it hurts: inside of an open transaction."""

from devstack.stacks import EmbeddedStack
from tests.support.demo import DemoProcess
from tests.support.stack_databases import CLAIMS_OF_ONE_CONSUMER, StackDatabases


def freeze_holding_claims(
    stack: EmbeddedStack, demo: DemoProcess, databases: StackDatabases, name: str
) -> dict[str, str]:
    """Freeze one of three notification consumers while it holds claims on messages.

    Returns everybody's claims of that moment, its own among them: they are more than the two others can have.
    """

    def freeze() -> dict[str, str] | None:
        stack.pause(name)
        claims = databases.claims("ALIMTALK")
        if len(claims) > 2 * CLAIMS_OF_ONE_CONSUMER:
            return claims
        stack.resume(name)
        return None

    return demo.wait_until(freeze, f"{name} to hold claims")


def freeze_inside_a_transaction(
    stack: EmbeddedStack, demo: DemoProcess, databases: StackDatabases, name: str, database: str, table: str
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
            backend = demo.wait_until(freeze_where_it_waits, f"{name} to wait for {table}")
        if databases.settled_state(database, backend) == "idle in transaction":
            return backend
        # It had waited for too long in the same moment: nothing is held.
        stack.resume(name)
        return None

    return demo.wait_until(freeze, f"{name} to be inside a transaction")
