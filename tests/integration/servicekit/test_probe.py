"""Asking whether there is a broker, on one that the test may kill."""

from pathlib import Path

import pytest

from servicekit.kafka.cluster import KafkaCluster
from servicekit.kafka.probe import KafkaProbe, KafkaUnavailable
from tests.support.clock import Clock
from tests.support.servers import a_kafka_broker


def test_an_outage_ends_the_time_for_which_it_has_been_answered(tmp_path: Path) -> None:
    clock = Clock()
    with a_kafka_broker(tmp_path / "kafka") as broker:
        probe = KafkaProbe(KafkaCluster(broker.bootstrap_servers), "test", clock)
        try:
            assert probe.answering_seconds() == 0
            probe.check()
            clock.now += 7
            probe.check()
            assert probe.answering_seconds() == 7

            broker.kill()
            with pytest.raises(KafkaUnavailable):
                probe.check()
            assert probe.answering_seconds() == 0

            broker.start()
            probe.check()
            clock.now += 2
            assert probe.is_missing("no-such-topic")
            assert probe.answering_seconds() == 2
        finally:
            probe.close()
