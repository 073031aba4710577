"""Which target of make runs which file of tests."""

import re
import shlex
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from devstack.repository import ROOT

TIERS = ("unit", "contract", "integration", "e2e", "chaos")
EVERY_CHANGE = ("test", "test-debian")
# `make faults` has the relay's, and repeats those of test-debian with the long scenes.
TARGETS = (*EVERY_CHANGE, "seldom-touched")
DEBIAN = re.compile(r"support\.(pgbouncer|prometheus) |\"\.ci\" / \"(pgbouncer|prometheus)\"")


def files_of(target: str) -> list[Path]:
    """The files that the commands of ``target`` name, as often as they do."""
    make = ["make", "--dry-run", "--no-print-directory", target]
    printed = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = list[Path]()
    for line in printed.replace("\\\n", " ").splitlines():
        words = shlex.split(line)
        if "pytest" not in words:
            continue
        ignored = [ROOT / word.removeprefix("--ignore=") for word in words if word.startswith("--ignore=")]
        for named in (ROOT / word for word in words if word.startswith("tests/")):
            files += [
                file
                for file in ([named] if named.is_file() else sorted(named.rglob("test_*.py")))
                if not any(file.is_relative_to(each) for each in ignored)
            ]
    return files


def needs_debian(file: Path) -> bool:
    conftest = file.with_name("conftest.py")
    return any(DEBIAN.search(each.read_text()) for each in (file, conftest) if each.exists())


def test_each_file_is_run_by_one_target() -> None:
    runs = Counter(file for target in TARGETS for file in files_of(target))
    faults = {file for file in files_of("faults") if "integration" in file.parts}
    everything = {file for tier in TIERS for file in (ROOT / "tests" / tier).rglob("test_*.py")}
    assert {file: count for file, count in runs.items() if count != 1} == {}
    assert not faults & set(runs)
    assert everything == faults | set(runs)


@pytest.mark.parametrize("target", ["test", "seldom-touched"])
def test_python_make_and_curl_suffice_without_debian(target: str) -> None:
    assert [file for file in files_of(target) if needs_debian(file)] == []


def test_what_needs_debian_is_found() -> None:
    assert any(needs_debian(file) for file in files_of("test-debian"))
