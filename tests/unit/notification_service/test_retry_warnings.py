"""Which providers count as removed, and what an operator reads who retries what these may have."""

import pytest

from notification_service.domain.operator_action import warning_of_removed
from notification_service.domain.provider_state import ProviderState, used_providers


def test_only_what_consumers_use_is_used() -> None:
    states = [ProviderState("nhn", place=2), ProviderState("sens"), ProviderState("solapi", place=1)]

    assert used_providers(states) == {"nhn", "solapi"}
    assert used_providers([ProviderState("sens")]) == frozenset()


NOT_ASKED = "which no consumer uses and nobody asks: a recipient may get it twice"


@pytest.mark.parametrize(
    ("removed", "warning"),
    [
        ({}, None),
        ({"sens": 1}, f"1 may be at sens, {NOT_ASKED}"),
        ({"sens": 2, "aligo": 3}, f"3 may be at aligo, 2 may be at sens, {NOT_ASKED}"),
    ],
)
def test_an_operator_reads_how_many_may_be_where(removed: dict[str, int], warning: str | None) -> None:
    assert warning_of_removed(removed) == warning
