"""The command ``outbox-relay``."""

from pathlib import Path

import click

from outbox_relay.config import SourcesSettings, TopicsSettings
from outbox_relay.main import run as run_relay
from outbox_relay.operations.command_line import BadInput, OneLineGroup, disposing, find_source
from outbox_relay.operations.dead_letters_cli import dead_letters
from outbox_relay.postgresql import cursors
from outbox_relay.postgresql.database import repair_engine
from servicekit.config import load_settings
from servicekit.kafka.cluster import KafkaCluster
from servicekit.kafka.topics import TopicsError, TopicsFileError, make_topics, read_topics
from servicekit.outbox.ddl import DEFAULT_SHARDS, MAX_SHARDS, outbox_ddl
from servicekit.outbox.schema import OUTBOX

_SHARDS = click.IntRange(1, MAX_SHARDS)


@click.group(cls=OneLineGroup)
def main() -> None:
    """Publishes outbox tables to Kafka. Its settings come from the environment; see README.md."""


main.add_command(dead_letters)


@main.command()
def run() -> None:
    """Relay every source until SIGTERM."""
    run_relay()


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def topics(file: Path) -> None:
    """Make the topics of FILE (TOML) that are missing, and refuse those that are there otherwise."""
    settings = load_settings(TopicsSettings)
    try:
        make_topics(KafkaCluster.of(settings), read_topics(file), settings.topics_environment)
    except TopicsFileError as error:
        raise click.UsageError(str(error)) from error
    except TopicsError as error:
        raise click.ClickException(str(error)) from error


@main.command()
@click.argument("source")
def rebase(source: str) -> None:
    """Go on with SOURCE after its database was restored into another cluster.

    What was published after the backup was made is published again. Writers wait while it runs.
    """
    settings = load_settings(SourcesSettings)
    with disposing(repair_engine(find_source(settings, source), settings)) as engine:
        events = cursors.rebase(engine)
    click.echo(f"{source}: rebased, {events} events are to be published")


@main.command()
@click.argument("source")
@click.option("--shards", type=_SHARDS, required=True)
def reshard(source: str, shards: int) -> None:
    """Give the outbox of SOURCE another number of shards. Some events are published again, in order."""
    settings = load_settings(SourcesSettings)
    with disposing(repair_engine(find_source(settings, source), settings)) as engine:
        cursors.reshard(engine, shards)
    click.echo(f"{source}: {shards} shards")


@main.command()
@click.option("--schema", default="public", show_default=True)
@click.option("--role", default="outbox_relay", show_default=True, help="The relay's; it must exist.")
@click.option("--shards", type=_SHARDS, default=DEFAULT_SHARDS, show_default=True)
@click.option(
    "--from",
    "after",
    type=click.IntRange(0, OUTBOX.newest),
    default=0,
    show_default=True,
    help="The version that is there: print only what comes after it.",
)
def ddl(schema: str, role: str, shards: int, after: int) -> None:
    """Print the SQL that makes an outbox, or upgrades one, for a migration tool of any kind."""
    try:
        click.echo(outbox_ddl(role, schema, shards, after=after), nl=False)
    except ValueError as error:
        raise BadInput(str(error)) from error
