"""README shows the core of a program; the guide has the whole of it, which a test runs."""

import re

import pytest

from devstack.repository import ROOT

_PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
_COMMENT = re.compile(r" +# .*")
MOST_LINES = 20


def code(document: str) -> list[list[str]]:
    """The lines of each block of Python, without comments and indentation."""
    blocks = _PYTHON.findall((ROOT / document).read_text())
    return [[_COMMENT.sub("", line).strip() for line in block.splitlines() if line] for block in blocks]


@pytest.mark.parametrize("document", ["README.md", "README.ko.md"])
def test_code_of_readme_stands_in_the_program_of_the_guide(document: str) -> None:
    program = code("outbox-relay/GUIDE.md")[-1]
    for excerpt in code(document):
        assert "\n".join(excerpt) in "\n".join(program)
        assert len(excerpt) <= MOST_LINES
