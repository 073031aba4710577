"""What takes part in the comparison beside the servers."""

from typing import Any

from devstack.java import find_java
from tests.benchmarks.machine import first_line
from tests.support import debezium


def versions() -> dict[str, Any]:
    return {
        "java": first_line(find_java(), "-version"),
        "debezium": debezium.VERSION,
        "kafka_connect": debezium.CONNECT_VERSION,
    }
