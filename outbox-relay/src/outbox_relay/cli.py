"""The command ``outbox-relay``."""

import click

from outbox_relay.main import run as run_relay


@click.group()
def main() -> None:
    """Publishes outbox tables to Kafka. Its settings come from the environment; see README.md."""


@main.command()
def run() -> None:
    """Relay every source until SIGTERM."""
    run_relay()
