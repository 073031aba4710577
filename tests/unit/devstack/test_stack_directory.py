"""What programs find in the directory while others write there."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from devstack.ports import Ports
from devstack.stack_directory import StackDirectory


def test_recorded_ports_are_whole_while_they_are_written(tmp_path: Path) -> None:
    directory, ports = StackDirectory(tmp_path), Ports()
    directory.record_ports("some", ports)

    def record_often() -> None:
        for _ in range(2000):
            directory.record_ports("some", ports)

    with ThreadPoolExecutor() as pool:
        writing = pool.submit(record_often)
        while not writing.done():
            assert directory.recorded_ports("some") == ports
        writing.result()
