"""The project's documents."""

import subprocess
from pathlib import Path

from devstack.repository import ROOT


def documents() -> list[Path]:
    """Every Markdown file that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).exists()]


def words(document: Path) -> int:
    """As ``wc -w`` counts them."""
    return len(document.read_text().split())
