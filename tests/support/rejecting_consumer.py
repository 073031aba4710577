"""A consumer process that rejects every record, once a line on its standard input says so.

Arguments: bootstrap servers, topic, group.
"""

import sys
from collections.abc import Sequence

from servicekit.config import KafkaConsumerSettings
from servicekit.lifecycle import StopSignal
from servicekit.messaging.records import InvalidMessage, ReceivedRecord
from servicekit.messaging.run import run_consumer


class Rejecting:
    def parse(self, record: ReceivedRecord) -> None:
        sys.stdout.write("received\n")
        sys.stdout.flush()
        sys.stdin.readline()
        raise InvalidMessage("never")

    def handle(self, events: Sequence[None]) -> None:
        raise AssertionError


def main(bootstrap_servers: str, topic: str, group_id: str) -> None:
    stop = StopSignal()
    stop.install()
    settings = KafkaConsumerSettings(kafka_bootstrap_servers=bootstrap_servers, kafka_client_id="test")
    run_consumer(settings, topic=topic, group_id=group_id, handler=Rejecting(), stop=stop)


if __name__ == "__main__":
    main(*sys.argv[1:])
