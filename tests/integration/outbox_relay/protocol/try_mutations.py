"""Does the protocol's test notice when a safeguard is missing?

``python -m tests.integration.outbox_relay.protocol.try_mutations [WORD …]`` tries every scene with all
safeguards and every mutation, or only those whose safeguard has one of the words, and prints what was found,
in which example. Exits with 1 if a mutation goes unnoticed or breaks another guarantee than it is said to, or
if anything is found where nothing is broken.
"""

import logging
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, suppress
from itertools import repeat
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

TRIALS: tuple[tuple[Scene, Mutation | None], ...] = (
    *((scene, None) for scene in SCENES),
    *((mutation.scene, mutation) for mutation in MUTATIONS),
)
"""Each scene with all safeguards, and each mutation in the scene that is to notice it."""


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


def outcome(number: int, examples: int) -> tuple[str, bool]:
    """What TRIALS[number] finds, in words, and whether it is what is expected.

    On a server of its own: transactions of another trial would hold back what relays may publish.
    """
    # What the relays log while they are broken on purpose is of no interest.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    scene, mutation = TRIALS[number]
    with (
        TemporaryDirectory(ignore_cleanup_errors=True) as directory,
        PostgresqlServer(Path(directory) / "postgresql", durable=False) as server,
    ):
        make_roles(server.url())
        if mutation is None:
            found, tried = counterexample(scene, None, server, examples // 10)
            return f"all safeguards, {scene.name} ({tried}): {found or 'nothing found'}", found is None
        found, tried = counterexample(scene, mutation, server, examples)
    is_expected = found is not None and found.guarantee in mutation.violates
    verdict = str(found or "NOTHING FOUND")
    if found and not is_expected:
        verdict += f", AND NOT {' or '.join(sorted(mutation.violates))}"
    return f"{mutation.safeguard} ({tried}): {verdict}", is_expected


@click.command()
@click.argument("words", nargs=-1)
@click.option("--examples", default=1000, show_default=True, help="Tried at most, for each mutation.")
@click.option("--workers", default=2, show_default=True, help="So many mutations are tried at a time.")
def main(words: tuple[str, ...], examples: int, workers: int) -> None:
    """Try the mutations."""
    numbers = [
        number
        for number, (_, mutation) in enumerate(TRIALS)
        if not words or (mutation and any(word in mutation.safeguard for word in words))
    ]
    are_expected = True
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        for said, is_expected in pool.map(outcome, numbers, repeat(examples)):
            click.echo(said)
            are_expected = are_expected and is_expected
    sys.exit(not are_expected)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
