"""A test's name says the behaviour that it checks, in a line that fits a report."""

import ast

from devstack.repository import ROOT

LONGEST = 70


def test_no_test_has_a_name_of_more_than_70_characters() -> None:
    names = [
        (node.name, file.relative_to(ROOT).as_posix())
        for file in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]
    assert len(names) > 500
    too_long = [f"{file}: {name}" for name, file in names if len(name) > LONGEST]
    assert not too_long, "\n".join(too_long)
