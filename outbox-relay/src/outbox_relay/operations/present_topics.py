"""The topics that a source was published to, as Kafka has them now."""

from collections.abc import Mapping
from contextlib import closing

import click
from sqlalchemy import Engine

from outbox_relay.config import SourcesAndKafkaSettings
from outbox_relay.postgresql.known_topics import made_anew, stored_topics
from outbox_relay.protocol.model import TopicIdentity
from servicekit.kafka.cluster import KafkaCluster
from servicekit.kafka.probe import KafkaProbe, KafkaUnavailable


def present_topics(
    source: str, settings: SourcesAndKafkaSettings, engine: Engine
) -> Mapping[str, TopicIdentity]:
    """Those that are there, by name; says which were made anew.

    Raises :class:`SourceUnavailable`, and a ``ClickException`` if no broker answers.
    """
    known = stored_topics(engine)
    if not known:
        return {}
    probe = KafkaProbe(KafkaCluster.of(settings), settings.kafka_client_id, is_logged=False)
    with closing(probe):
        try:
            found = probe.identify(list(known))
        except KafkaUnavailable as error:
            raise click.ClickException(f"Kafka doesn't say which topics it has: {error}") from error
    present = {topic: TopicIdentity(*ids) for topic, ids in found.items()}
    for topic in made_anew(known, present):
        click.echo(f"WARNING {source}: made anew: {topic}", err=True)
    return present
