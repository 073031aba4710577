"""SQL files that a release has made databases with are never edited: a change is a new file."""

import hashlib
from importlib import resources

import pytest

RELEASED = {
    (
        "servicekit.outbox",
        "0001_outbox.sql",
    ): "7e157ad9e622960f01abeee2e6b94f4ae0092385c60e855d1f63c999cf730a2a",
}


@pytest.mark.parametrize(("package", "name"), RELEASED)
def test_a_released_file_is_as_it_was(package: str, name: str) -> None:
    content = (resources.files(package) / "sql" / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == RELEASED[package, name]
