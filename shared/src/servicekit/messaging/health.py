"""Can Kafka be reached now?"""

import socket
from collections.abc import Callable

_TIMEOUT_SECONDS = 2.0


def kafka_check(bootstrap_servers: str) -> Callable[[], None]:
    """A readiness check that raises OSError when none of the bootstrap servers accepts a connection."""

    def check() -> None:
        failure: OSError | None = None
        for server in bootstrap_servers.split(","):
            host, _, port = server.strip().rpartition(":")
            try:
                socket.create_connection((host, int(port)), timeout=_TIMEOUT_SECONDS).close()
            except OSError as error:
                failure = error
            else:
                return
        raise failure or OSError("no bootstrap server is configured")

    return check
