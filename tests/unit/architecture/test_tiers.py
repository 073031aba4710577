"""The folders of the tests: a tier knows no other, and a folder is small enough to be read."""

import re
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parents[2]
MOST_TEST_FILES = 40
# Tests of what is no tier's helper but a program: the benchmarks, and the mutations.
SUBJECTS = {
    "unit/benchmarks": "benchmarks",
    "integration/benchmarks": "benchmarks",
    "unit/outbox_relay/test_mutations.py": "integration",
}
_IMPORTED = re.compile(r"^ *(?:from|import) tests\.(\w+)", re.MULTILINE)


def test_what_several_tiers_need_is_in_support() -> None:
    strays = [
        (file, imported)
        for file in (path.relative_to(TESTS) for path in TESTS.rglob("*.py"))
        for imported in _IMPORTED.findall((TESTS / file).read_text())
        if imported not in {"support", file.parts[0]}
        and not any(file.is_relative_to(user) and imported == use for user, use in SUBJECTS.items())
    ]
    assert strays == []


def test_no_folder_has_more_tests_than_a_reader_can_survey() -> None:
    files = Counter(path.parent.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py"))
    assert {folder: count for folder, count in files.items() if count > MOST_TEST_FILES} == {}
