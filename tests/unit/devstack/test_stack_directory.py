"""What programs find in the directory while others write there."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from devstack.ports import Ports
from devstack.stack_directory import StackDirectory


def test_recorded_variables_are_whole_while_they_are_written(tmp_path: Path) -> None:
    directory, variables = StackDirectory(tmp_path), {"PROVIDERS": "sandbox", **Ports().variables()}
    directory.record_variables("some", variables)

    def record_often() -> None:
        for _ in range(2000):
            directory.record_variables("some", variables)

    with ThreadPoolExecutor() as pool:
        writing = pool.submit(record_often)
        while not writing.done():
            assert directory.variables("some") == variables
        writing.result()


def test_a_stack_that_was_never_started_has_no_variables(tmp_path: Path) -> None:
    assert StackDirectory(tmp_path).variables("some") == {}
