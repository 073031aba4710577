"""The project's documents."""

import os
from pathlib import Path

from devstack.repository import ROOT

_BUILT = {"build", "dist"}


def documents() -> list[Path]:
    """Every Markdown file of the checkout, without what was installed or built."""
    found: list[Path] = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _BUILT]
        found += [Path(folder, name) for name in files if name.endswith(".md")]
    return sorted(found)


def words(document: Path) -> int:
    """As ``wc -w`` counts them."""
    return len(document.read_text().split())
