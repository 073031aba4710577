"""What programs find in the directory while others write there."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from devstack.ports import Ports
from devstack.stack_directory import StackDirectory


def test_remembered_ports_are_whole_while_they_are_written(tmp_path: Path) -> None:
    directory, ports = StackDirectory(tmp_path), Ports.default()
    directory.remember_ports("some", ports)

    def remember_often() -> None:
        for _ in range(2000):
            directory.remember_ports("some", ports)

    with ThreadPoolExecutor() as pool:
        writing = pool.submit(remember_often)
        while not writing.done():
            assert directory.remembered_ports("some") == ports
        writing.result()
