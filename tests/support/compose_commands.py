"""`docker compose`, as an operator types it."""

import subprocess
from collections.abc import Mapping, Sequence

from devstack.compose_stack import ComposeStack
from devstack.repository import ROOT


def compose(
    stack: ComposeStack,
    options: Sequence[str],
    *command: str,
    variables: Mapping[str, str] | None = None,
) -> None:
    """Run a command on a stack's project, with options (as --file) and variables beside its own."""
    whole = [*stack.compose_command(variables or {}), *options, *command]
    done = subprocess.run(whole, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
