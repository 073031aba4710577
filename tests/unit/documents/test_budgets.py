"""Documents stay short enough to be read once."""

import pytest

from devstack.repository import ROOT
from tests.support.documents import documents, words

DEPLOYABLES = ("coupon-service", "order-service", "notification-service", "outbox-relay", "deploy/sandbox")
# The relay has more commands than anything else.
BUDGETS = (
    {"README.md": 600, "README.ko.md": 600, "ARCHITECTURE.md": 1_000, "deploy/RUNBOOK.md": 2_000}
    | {f"{folder}/README.md": 500 for folder in DEPLOYABLES}
    | {"outbox-relay/README.md": 520}
)
DECISION_WORDS = 120


def test_all_documents_that_are_read_through() -> None:
    """The runbook has its own budget; the changelog and the benchmarks' report only grow."""
    apart = {ROOT / "deploy/RUNBOOK.md", ROOT / "CHANGELOG.md", ROOT / "outbox-relay/BENCHMARKS.md"}
    assert sum(words(document) for document in documents() if document not in apart) <= 12_000


@pytest.mark.parametrize(("document", "budget"), BUDGETS.items())
def test_each_document(document: str, budget: int) -> None:
    assert words(ROOT / document) <= budget


def test_each_decision() -> None:
    records = (ROOT / "DECISIONS.md").read_text().split("\n## ")[1:]
    assert [record for record in records if len(record.split()) > DECISION_WORDS] == []
