"""The command ``outbox-relay``."""

from pathlib import Path

import click

from outbox_relay.config import TopicsSettings
from outbox_relay.main import run as run_relay
from servicekit.config import load_settings
from servicekit.messaging.cluster import KafkaCluster
from servicekit.messaging.topics import TopicsError, TopicsFileError, make_topics, read_topics


@click.group()
def main() -> None:
    """Publishes outbox tables to Kafka. Its settings come from the environment; see README.md."""


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
