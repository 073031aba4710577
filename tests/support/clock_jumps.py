"""A process whose wall clock jumps while it runs; its clocks that can't be set go on evenly."""

from collections.abc import Mapping
from contextlib import suppress
from importlib.resources import as_file, files
from pathlib import Path

import psutil

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where libfaketime itself puts it
_LIBRARY = "vendor/libfaketime/src/libfaketime.so.1"


class JumpingClock:
    """The wall clock of every process that is started with :attr:`environment` (libfaketime)."""

    def __init__(self, file: Path) -> None:
        """``file`` must be readable to those processes."""
        self._file = file
        _remove_leftovers()
        self.jump(0)

    @property
    def environment(self) -> Mapping[str, str]:
        with as_file(files("libfaketime").joinpath(_LIBRARY)) as library:
            return {
                "LD_PRELOAD": str(library),
                "FAKETIME_TIMESTAMP_FILE": str(self._file),
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }

    def jump(self, seconds: int) -> None:
        """From now on the clock is so much ahead, or behind if it is less than nothing."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.chmod(0o644)
        # A process that reads meanwhile finds the old one or the new one.
        new.rename(self._file)


def _remove_leftovers() -> None:
    """Remove what killed processes left: one of another user with the same process id could not start."""
    for left in _SHARED_MEMORY.glob("*faketime_s*_*"):
        if not psutil.pid_exists(int(left.name.rpartition("_")[2])):
            with suppress(OSError):
                left.unlink()
