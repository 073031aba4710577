"""On what it was measured."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from devstack import system_user
from devstack.java import find_java
from devstack.kafka_broker import DEFAULT_VERSION
from tests.support import debezium


def machine_facts() -> dict[str, Any]:
    """The machine, how busy others kept it when this was called, and the versions of what takes part."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.platform(),
        "load_average_before": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "java": _first_line(find_java(), "-version"),
        "postgresql": _first_line(system_user.INSTALLATION / "bin" / "postgres", "--version"),
        "kafka": DEFAULT_VERSION,
        "kafka_python": version("kafka-python"),
        "debezium": debezium.VERSION,
        "kafka_connect": debezium.CONNECT_VERSION,
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _first_line(program: Path, argument: str) -> str:
    output = subprocess.run([program, argument], capture_output=True, text=True, check=True)
    return (output.stdout or output.stderr).splitlines()[0]
