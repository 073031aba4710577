"""Does the protocol's test notice when a safeguard is missing?

``python -m tests.integration.outbox_relay.try_mutations [WORD …]`` tries every mutation, or those whose
safeguard has one of the words, and tells what was found. Exits with 1 if one goes unnoticed.
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
from tests.support.databases import fresh_database, make_roles


def counterexample(mutation: Mutation, server: PostgresqlServer, examples: int) -> str | None:
    """What the test says without this safeguard; None if it notices nothing."""
    with (
        fresh_database(server.url()) as name,
        a_protocol_database(server.url(database=name)) as database,
        mutation.applied(database),
    ):
        try:
            run_state_machine_as_test(
                mutation.scene.machine(database),
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
            expected = "" if error.guarantee in mutation.violates else ", which nobody expected"
            return f"{error}{expected}"
    return None


@click.command()
@click.argument("words", nargs=-1)
@click.option("--examples", default=300, show_default=True, help="Tried at most, for each.")
def main(words: tuple[str, ...], examples: int) -> None:
    """Try the mutations."""
    # What the relays log while they are broken on purpose is of no interest.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    unnoticed = 0
    with (
        TemporaryDirectory(ignore_cleanup_errors=True) as directory,
        PostgresqlServer(Path(directory) / "postgresql", durable=False) as server,
    ):
        make_roles(server.url())
        for mutation in MUTATIONS:
            if words and not any(word in mutation.safeguard for word in words):
                continue
            found = counterexample(mutation, server, examples)
            unnoticed += found is None
            click.echo(f"{mutation.safeguard}: {found or 'NOTHING FOUND'}")
    sys.exit(unnoticed > 0)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
