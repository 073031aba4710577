"""Does the protocol's test notice when a safeguard is missing?

``python -m tests.integration.outbox_relay.try_mutations [WORD …]`` tries every mutation, or those whose
safeguard has one of the words, and tells what was found, in which example. Exits with 1 if one goes unnoticed
or breaks another guarantee than it is said to.
"""

import logging
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from devstack.postgresql import PostgresqlServer
from tests.integration.outbox_relay.guarantees import Violated
from tests.integration.outbox_relay.mutations import MUTATIONS, Mutation
from tests.integration.outbox_relay.protocol_database import a_protocol_database
from tests.integration.outbox_relay.protocol_machine import ProtocolMachine
from tests.support.databases import fresh_database, make_roles


def counterexample(
    mutation: Mutation, server: PostgresqlServer, examples: int
) -> tuple[Violated | None, int]:
    """What the test says without this safeguard, None if it notices nothing; and after how many examples."""
    tried = 0
    with (
        fresh_database(server.url()) as name,
        a_protocol_database(server.url(database=name)) as database,
        mutation.applied(database),
    ):
        machine = mutation.scene.machine(database)

        def begin() -> ProtocolMachine:
            nonlocal tried
            tried += 1
            return machine()

        try:
            run_state_machine_as_test(
                begin,  # type: ignore[arg-type]  # a function does as well
                settings=settings(
                    max_examples=examples,
                    stateful_step_count=50,
                    deadline=None,
                    database=None,
                    report_multiple_bugs=False,
                    suppress_health_check=list(HealthCheck),
                    phases=[Phase.generate],
                ),
            )
        except Violated as error:
            # Hypothesis tries once more what it has found.
            return error, tried - 1
    return None, tried


@click.command()
@click.argument("words", nargs=-1)
@click.option("--examples", default=300, show_default=True, help="Tried at most, for each.")
def main(words: tuple[str, ...], examples: int) -> None:
    """Try the mutations."""
    # What the relays log while they are broken on purpose is of no interest.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    unexpected = 0
    with (
        TemporaryDirectory(ignore_cleanup_errors=True) as directory,
        PostgresqlServer(Path(directory) / "postgresql", durable=False) as server,
    ):
        make_roles(server.url())
        for mutation in MUTATIONS:
            if words and not any(word in mutation.safeguard for word in words):
                continue
            found, tried = counterexample(mutation, server, examples)
            if found is None:
                unexpected += 1
                verdict = "NOTHING FOUND"
            elif found.guarantee not in mutation.violates:
                unexpected += 1
                verdict = f"{found}, AND NOT {' or '.join(sorted(mutation.violates))}"
            else:
                verdict = str(found)
            click.echo(f"{mutation.safeguard} ({tried}): {verdict}")
    sys.exit(unexpected > 0)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
