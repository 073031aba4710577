"""The protocol, tried in any order of events that Hypothesis can think of."""

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.integration.outbox_relay.protocol.database import a_protocol_database
from tests.integration.outbox_relay.protocol.machine import ProtocolMachine
from tests.integration.outbox_relay.protocol.mutations import MUTATIONS

EXAMPLES = int(os.environ.get("PROTOCOL_EXAMPLES", "150"))


@pytest.mark.timeout(900)
def test_guarantees_hold_in_any_interleaving(database_url: str) -> None:
    with a_protocol_database(database_url) as database:

        class Machine(ProtocolMachine):
            pass

        Machine.database = database
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=40,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )


def test_each_safeguard_is_where_it_would_be_taken_out(database_url: str) -> None:
    """Else it could not be seen that the test above notices when it is missing (`make mutations`)."""
    with a_protocol_database(database_url) as database:
        for mutation in MUTATIONS:
            with mutation.applied(database):
                pass
