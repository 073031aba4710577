"""On what it was measured."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from devstack import system_user
from devstack.kafka_broker import DEFAULT_VERSION


def machine_facts() -> dict[str, Any]:
    """The machine, how busy others kept it when this was called, and the versions of the servers."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.platform(),
        "load_average_before": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "postgresql": first_line(system_user.INSTALLATION / "bin" / "postgres", "--version"),
        "kafka": DEFAULT_VERSION,
        "kafka_python": version("kafka-python"),
    }


def first_line(program: Path, argument: str) -> str:
    """What a program says first when it is asked for its version."""
    output = subprocess.run([program, argument], capture_output=True, text=True, check=True)
    return (output.stdout or output.stderr).splitlines()[0]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
