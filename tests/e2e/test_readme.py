"""README's commands answer as printed there."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from devstack.abstract_stack import Stack
from devstack.repository import ROOT

_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
# What differs from run to run stands as an ellipsis.
_ANYTHING = "…"
_PORTS = {"8001": "coupon-api", "8002": "order-api", "8003": "notification-api", "8004": "outbox-relay"}
_MARK = "--- end of command"


def commands_and_answers() -> Iterator[tuple[str, str]]:
    """Each ``$ command`` of README with the lines printed below it."""
    for block in _BLOCK.findall((ROOT / "README.md").read_text()):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, answer = part.partition("\n")
            yield command, answer.strip()


def matches(answer: str, printed: str) -> bool:
    pattern = ".*?".join(re.escape(piece) for piece in printed.split(_ANYTHING))
    return re.fullmatch(pattern, answer) is not None


def test_commands_of_readme_answer_as_printed(stack: Stack, tmp_path: Path) -> None:
    expected = list(commands_and_answers())
    assert len(expected) >= 10
    script = f"\necho; echo '{_MARK}'\n".join(command for command, _ in expected)
    services = stack.info().services
    for port, name in _PORTS.items():
        script = script.replace(f"localhost:{port}", str(services[name].url).removeprefix("http://"))
    done = subprocess.run(
        ["bash", "-eu", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    answers = [answer.strip() for answer in done.stdout.split(_MARK)]
    wrong = [
        (command, printed, answer)
        for (command, printed), answer in zip(expected, answers, strict=True)
        if not matches(answer, printed)
    ]
    assert wrong == []
