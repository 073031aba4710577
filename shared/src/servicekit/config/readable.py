"""Files that a setting names."""

from pathlib import Path


def check_readable(path: Path, name: str = "") -> None:
    """Raise ValueError, beginning with ``name``, unless this process may read the file."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise ValueError(f"{name}can't be read: {error.strerror}") from None
