"""The command ``outbox-relay``."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from outbox_relay.config import SourcesAndKafkaSettings, SourcesSettings, TopicsSettings
from outbox_relay.operations.cli_errors import disposing, find_database
from outbox_relay.postgresql import cursors
from outbox_relay.postgresql.database import repair_engine
from servicekit.commands import BadInput, OneLineGroup
from servicekit.config import load_settings
from servicekit.outbox.ddl import DEFAULT_SHARDS, MAX_SHARDS, outbox_ddl
from servicekit.outbox.schema import OUTBOX
from servicekit.rfc3339 import format_rfc3339

_SHARDS = click.IntRange(1, MAX_SHARDS)


@click.group(
    cls=OneLineGroup,
    elsewhere={"dead-letters": "outbox_relay.operations.dead_letters_cli:dead_letters"},
)
def main() -> None:
    """Publish outbox tables to Kafka. The settings come from the environment; see README.md."""


@main.command()
def run() -> None:
    """Relay every source until SIGTERM."""
    # Here: it is half of what the other commands would load.
    from outbox_relay.main import run as run_relay

    run_relay()


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--set", "set_options", is_flag=True, help="Set options that differ, unless that deletes records."
)
@click.option("--delete-records", is_flag=True, help="With --set: also options that delete records.")
def topics(file: Path, *, set_options: bool, delete_records: bool) -> None:
    """Make the missing topics of FILE (TOML), and list how the present ones differ from it.

    Fails if a topic has fewer partitions than declared. Partitions and replication are never changed.
    """
    if delete_records and not set_options:
        raise BadInput("--delete-records needs --set")
    # Here, as in rewind and accept_kafka: Kafka's client is a fifth of what the other commands would load.
    from servicekit.kafka.cluster import KafkaCluster
    from servicekit.kafka.topics import TopicsError, TopicsFileError, make_topics, read_topics, set_topics

    settings = load_settings(TopicsSettings)
    cluster = KafkaCluster.of(settings)
    try:
        differences = make_topics(cluster, read_topics(file), settings.topics_environment)
        mended = [
            difference
            for difference in differences
            if set_options and difference.is_option and (delete_records or not difference.deletes_records)
        ]
        set_topics(cluster, mended)
    except TopicsFileError as error:
        raise click.UsageError(str(error)) from error
    except TopicsError as error:
        raise click.ClickException(str(error)) from error
    for difference in differences:
        click.echo(f"{'SET' if difference in mended else 'WARNING'} {difference}", err=True)


@main.command()
@click.argument("source")
def rebase(source: str) -> None:
    """Continue with SOURCE after its database was restored into another cluster.

    Events that were published after the backup are published again. Services may write meanwhile. If the
    command is broken off, run it again: until it has finished, relays refuse the source.
    """
    settings = load_settings(SourcesSettings)
    with disposing(repair_engine(find_database(settings, source))) as engine:
        events = cursors.rebase(engine)
    click.echo(f"{source}: rebased, {events} events will be published")


@main.command()
@click.argument("source")
@click.option("--shards", type=_SHARDS, required=True)
def reshard(source: str, shards: int) -> None:
    """Change the number of shards of SOURCE. Some events are published again, in order."""
    settings = load_settings(SourcesSettings)
    with disposing(repair_engine(find_database(settings, source))) as engine:
        cursors.reshard(engine, shards)
    click.echo(f"{source}: {shards} shards")


class _Moment(click.ParamType[datetime]):
    """A time with its zone: an hour's difference would be thousands of events."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            return self.fail(f"{value!r} is not a time like 2026-01-31T09:30:00Z, with its zone", param, ctx)
        return moment


@main.command()
@click.argument("source")
@click.option("--since", type=_Moment(), required=True, help="As 2026-01-31T09:30:00Z.")
@click.option("--yes", "is_confirmed", is_flag=True, help="Act; the default only counts.")
def rewind(source: str, since: datetime, *, is_confirmed: bool) -> None:
    """Publish the events of SOURCE again that were stored from a time on, in order; first only count them.

    For a Kafka topic, or a consumer, that has lost what it had. A consumer with an inbox drops what it has
    seen. Publishing that waits since a topic was made anew goes on.
    """
    from outbox_relay.operations.present_topics import present_topics

    settings = load_settings(SourcesAndKafkaSettings)
    with disposing(repair_engine(find_database(settings, source))) as engine:
        topics = present_topics(source, settings, engine)
        rewound = (
            cursors.rewind(engine, since, topics) if is_confirmed else cursors.count_since(engine, since)
        )
    if rewound.oldest_at is None or since < rewound.oldest_at:
        kept = (
            "no events are"
            if rewound.oldest_at is None
            else f"none before {format_rfc3339(rewound.oldest_at)} is"
        )
        click.echo(f"WARNING {source}: {kept} kept; see RETENTION_HOURS", err=True)
    if is_confirmed:
        click.echo(f"{source}: rewound, {rewound.events} events will be published")
    else:
        click.echo(f"{source}: {rewound.events} events would be published; add --yes to do it")


@main.command(name="accept-kafka")
@click.argument("source")
def accept_kafka(source: str) -> None:
    """Go on with SOURCE although Kafka topics were made anew, and publish nothing again.

    For topics that were moved with all their records. If records were lost, use rewind instead.
    """
    from outbox_relay.operations.present_topics import present_topics

    settings = load_settings(SourcesAndKafkaSettings)
    with disposing(repair_engine(find_database(settings, source))) as engine:
        cursors.accept_kafka(engine, present_topics(source, settings, engine))
    click.echo(f"{source}: publishing goes on")


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
