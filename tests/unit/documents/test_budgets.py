"""Documents stay short enough to be read once."""

import re

import pytest

from devstack.repository import ROOT
from tests.support.documents import documents, words

DEPLOYABLES = ("coupon-service", "order-service", "notification-service", "outbox-relay", "deploy/sandbox")
BUDGETS = (
    {"README.md": 600, "README.ko.md": 600, "ARCHITECTURE.md": 1_000, "deploy/RUNBOOK.md": 2_000}
    | {"notification-service/PROVIDERS.md": 920, "order-service/GATEWAYS.md": 700, "tests/README.md": 1_250}
    | {f"{folder}/README.md": 500 for folder in DEPLOYABLES}
)
DECISION_WORDS = 120


def test_all_documents_that_are_read_through() -> None:
    """Four are looked things up in and have their own budgets; the changelog and the report only grow."""
    looked_up = {"deploy/RUNBOOK.md", "notification-service/PROVIDERS.md", "order-service/GATEWAYS.md"}
    looked_up |= {"tests/README.md"}
    growing = {"CHANGELOG.md", "outbox-relay/BENCHMARKS.md"}
    apart = {ROOT / document for document in looked_up | growing}
    assert sum(words(document) for document in documents() if document not in apart) <= 11_050


@pytest.mark.parametrize(("document", "budget"), BUDGETS.items())
def test_each_document(document: str, budget: int) -> None:
    assert words(ROOT / document) <= budget


def test_each_decision() -> None:
    records = (ROOT / "DECISIONS.md").read_text().split("\n## ")[1:]
    assert [record for record in records if len(record.split()) > DECISION_WORDS] == []


def test_each_decision_is_labelled_and_follows_its_context() -> None:
    records = (ROOT / "DECISIONS.md").read_text().split("\n## ")[1:]
    labels = ("Context", "Decision", "Consequences")
    for record in records:
        found = re.findall(r"\*\*(\w+)\.\*\*", record)
        assert found == [label for label in labels if label in found], record
        assert "Decision" in found, record
