"""Every variable of the compose files is named where their readers look."""

import re
from pathlib import Path

import pytest

from devstack.repository import ROOT

FILES = (ROOT / "docker-compose.yml", *sorted((ROOT / "deploy" / "compose").glob("*.yml")))
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)")
DEPLOYABLES = ("deploy", "coupon-service", "order-service", "notification-service", "outbox-relay")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_variable_is_in_a_document_of_the_stack_or_of_a_process(file: Path) -> None:
    documents = (document for folder in DEPLOYABLES for document in (ROOT / folder).glob("*.md"))
    text = " ".join(document.read_text() for document in documents)
    named = set(re.findall(r"[A-Z0-9_]+", text))
    variables = set(VARIABLE.findall(file.read_text()))
    assert variables - named == set()
