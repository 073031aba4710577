"""A relay that takes a shard over knows the topics that its predecessor has published to."""

import pytest

from outbox_relay.protocol.relay import Published
from tests.integration.outbox_relay.protocol.broker_model import Fate
from tests.integration.outbox_relay.protocol.database import a_protocol_database
from tests.integration.outbox_relay.protocol.machine import Heirs, ProtocolMachine
from tests.support.waiting import wait_until


@pytest.mark.parametrize("key", ["a", "c"])
def test_topic_made_anew_gets_nothing_of_a_relay_stopped_before_its_page(database_url: str, key: str) -> None:
    with a_protocol_database(database_url) as database:

        class Machine(ProtocolMachine):
            pass

        Machine.database = database
        machine = Machine()
        machine.begin(
            shards=2, page_events=1, page_bytes=100_000, pages_per_turn=1, large_window=20_000,
            partitions=False, count=2, is_shared=False, is_one_parked=False,
        )  # fmt: skip

        def turn_all() -> bool:
            machine.all_beat()
            for number in range(2):
                machine.turn(number, Fate.ACKNOWLEDGED, 0, None)
            return all(relay.shards for relay in machine.relays)

        wait_until(turn_all, "the relays to lead a shard each")
        machine.write(key, 2, refused=False)
        for number in range(2):
            machine.turn(number, Fate.ACKNOWLEDGED, 0, None)
        publisher = next(n for n in range(2) if isinstance(machine.relays[n].result, Published))
        machine.crash(publisher, Heirs.THE_OTHERS)
        machine.turn(1 - publisher, Fate.ACKNOWLEDGED, 0, "before send")
        machine.broker_forgets()
        machine.rewind(0)
        machine.resume(0, Fate.ACKNOWLEDGED, 0, None)

        machine.log_is_right()
        machine.teardown()
