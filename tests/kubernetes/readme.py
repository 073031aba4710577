"""What deploy/kubernetes/README.md tells people to type."""

import re
import shlex
from collections.abc import Iterator

from tests.kubernetes.manifests import KUBERNETES, Keys

_CREATE_SECRET = ["kubectl", "create", "secret", "generic"]


def commands() -> Iterator[list[str]]:
    """Yield the indented lines as words, continued lines joined."""
    text = (KUBERNETES / "README.md").read_text().replace("\\\n", " ")
    for line in re.findall(r"^    (\S.*)$", text, flags=re.MULTILINE):
        yield shlex.split(line, comments=True)


def secrets_made_by_hand() -> dict[str, Keys]:
    """The Secrets that are created, with their literals; a file's key has the file's name for a value."""
    secrets: dict[str, Keys] = {}
    for command in commands():
        if command[:4] == _CREATE_SECRET:
            name = command[4]
            values = [option.partition("=") for option in command[5:] if option.startswith("--from-")]
            secrets[name] = dict(value.split("=", 1) for _, _, value in values)
    return secrets
