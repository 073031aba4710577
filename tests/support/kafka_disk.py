"""A broker whose disk is lost."""

import shutil

from devstack.kafka_broker import KafkaBroker


def lose_the_disk(broker: KafkaBroker) -> None:
    """It is killed, and starts with nothing."""
    broker.kill()
    # ZooKeeper would know its topics still.
    broker.stop()
    for entry in broker.directory.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    broker.start()
