"""The runbook's pages, whose commands are run as they stand there."""

import re
import shlex
from datetime import datetime

from devstack.repository import ROOT, TOPICS_FILE
from tests.support.controlled_stack import ControlledStack

_RUNBOOK = ROOT / "deploy" / "RUNBOOK.md"
_COMMAND = re.compile(r"^    (docker compose .*)$", re.MULTILINE)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_TOPICS_COMMAND = ["topics", "/topics.toml"]
"""The service's own, in docker-compose.yml."""


def says(heading: str, sentence: str) -> bool:
    """Whether a page has these words, however its lines are broken."""
    return sentence in " ".join(_page(heading).split())


def _page(heading: str) -> str:
    """The text below a heading, up to the next one."""
    _, found, rest = _RUNBOOK.read_text().partition(f"### {heading}\n")
    assert found, f"the runbook has no page {heading!r}"
    return re.split(r"^##", rest, maxsplit=1, flags=re.MULTILINE)[0]


def commands(heading: str, since: datetime) -> list[str]:
    """A page's commands in their order, with the time put in."""
    found = _COMMAND.findall(_page(heading))
    assert found, f"the page {heading!r} has no commands"
    moment = since.strftime("%Y-%m-%dT%H:%M:%SZ")
    return [_TIME.sub(moment, command) for command in found]


def code_lines(heading: str) -> list[str]:
    """Every command of a page in its order."""
    return [line.strip() for line in re.findall(r"^ {4,}(\S.*)$", _page(heading), re.MULTILINE)]


def run(stack: ControlledStack, command: str, status: int = 0) -> str:
    """What a command says that ends with ``status``.

    The stack is one of processes: its topics.toml isn't mounted.
    """
    words = shlex.split(command)
    if words[:5] == ["docker", "compose", "run", "--rm", "topics"]:
        words = [word.replace("/topics.toml", str(TOPICS_FILE)) for word in words[5:] or _TOPICS_COMMAND]
        return stack.execute("outbox-relay", ["outbox-relay", *words], status)
    assert words[:3] == ["docker", "compose", "exec"], command
    return stack.execute(words[3], words[4:], status)
