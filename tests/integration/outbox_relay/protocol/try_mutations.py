"""Does the protocol's test notice when a safeguard is missing?

``python -m tests.integration.outbox_relay.protocol.try_mutations [WORD …]`` tries every scene with all
safeguards and every mutation, or only those whose safeguard has one of the words, and prints what was found,
in which example. Exits with 1 if a mutation goes unnoticed or breaks another guarantee than it is said to, or
if anything is found where nothing is broken.
"""

import logging
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from devstack.postgresql import PostgresqlServer
from tests.integration.outbox_relay.protocol.database import a_protocol_database
from tests.integration.outbox_relay.protocol.guarantees import Violated
from tests.integration.outbox_relay.protocol.machine import SCENES, ProtocolMachine, Scene
from tests.integration.outbox_relay.protocol.mutations import MUTATIONS, Mutation
from tests.support.databases import fresh_database, make_roles


def counterexample(
    scene: Scene, mutation: Mutation | None, server: PostgresqlServer, examples: int
) -> tuple[Violated | None, int]:
    """What the test says without this safeguard, None if it notices nothing; and after how many examples."""
    tried = 0
    with ExitStack() as stack:
        name = stack.enter_context(fresh_database(server.url()))
        database = stack.enter_context(a_protocol_database(server.url(database=name)))
        if mutation is not None:
            stack.enter_context(mutation.applied(database))
        machine = scene.machine(database)

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


def holds(scene: Scene, server: PostgresqlServer, examples: int) -> bool:
    """Whether nothing is found in the code as it is; says so."""
    found, tried = counterexample(scene, None, server, examples)
    click.echo(f"all safeguards, {scene.name} ({tried}): {found or 'nothing found'}")
    return found is None


def is_noticed(mutation: Mutation, server: PostgresqlServer, examples: int) -> bool:
    """Whether that is found which is expected; says what was."""
    found, tried = counterexample(mutation.scene, mutation, server, examples)
    is_expected = found is not None and found.guarantee in mutation.violates
    verdict = str(found or "NOTHING FOUND")
    if found and not is_expected:
        verdict += f", AND NOT {' or '.join(sorted(mutation.violates))}"
    click.echo(f"{mutation.safeguard} ({tried}): {verdict}")
    return is_expected


@click.command()
@click.argument("words", nargs=-1)
@click.option("--examples", default=1000, show_default=True, help="Tried at most, for each mutation.")
def main(words: tuple[str, ...], examples: int) -> None:
    """Try the mutations."""
    # What the relays log while they are broken on purpose is of no interest.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with (
        TemporaryDirectory(ignore_cleanup_errors=True) as directory,
        PostgresqlServer(Path(directory) / "postgresql", durable=False) as server,
    ):
        make_roles(server.url())
        outcomes = [holds(scene, server, examples // 10) for scene in SCENES if not words]
        outcomes += [
            is_noticed(mutation, server, examples)
            for mutation in MUTATIONS
            if not words or any(word in mutation.safeguard for word in words)
        ]
    sys.exit(not all(outcomes))


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
