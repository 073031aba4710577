"""The mutations of the relay's protocol, which replace source text, still find that text."""

import pytest

from tests.integration.outbox_relay.protocol.mutations import (
    MUTATIONS,
    InCode,
    InDatabase,
    InStatement,
    Mutation,
)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.safeguard)
def test_mutation_finds_the_text_that_it_replaces(mutation: Mutation) -> None:
    mutation.check()


@pytest.mark.parametrize(
    "change",
    [
        InCode(Mutation, "check", "not a line of it", "pass"),
        InStatement("read_page", {"not a line of it": ""}),
        InDatabase("outbox_rebase_batch", "not a line of it", ""),
        InDatabase("outbox_unknown", "SELECT", ""),
    ],
)
def test_text_that_is_gone_is_noticed(change: InCode | InStatement | InDatabase) -> None:
    with pytest.raises(ValueError, match="is not in"):
        change.check()
