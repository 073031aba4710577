"""Data as TOML files, with each fault as a line that says where it is."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

_Data = TypeVar("_Data")


class InvalidToml(Exception):
    """The file has these faults, one a line."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


def read_toml(file: Path, kind: type[_Data] | TypeAdapter[_Data]) -> _Data:
    """The file's data as ``kind`` describes them. Raises InvalidToml."""
    adapter: TypeAdapter[Any] = kind if isinstance(kind, TypeAdapter) else TypeAdapter(kind)
    try:
        with file.open("rb") as opened:
            found: _Data = adapter.validate_python(tomllib.load(opened))
    except OSError as error:
        raise InvalidToml([f"it can't be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise InvalidToml(["it is not UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidToml([f"it is not TOML: {error}"]) from None
    except ValidationError as error:
        raise InvalidToml([_in_words(fault["loc"], fault["msg"]) for fault in error.errors()]) from None
    return found


def _in_words(location: tuple[int | str, ...], message: str) -> str:
    where = ".".join(str(part + 1 if isinstance(part, int) else part) for part in location)
    return f"{where}: {message}"
