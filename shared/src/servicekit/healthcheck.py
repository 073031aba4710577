"""A container's health check: ``python -m servicekit.healthcheck PORT`` asks ``/readyz``; no curl is needed.

Exits with 0 if the process on that port of this container is ready, else says why and exits with 1. Imports
little, since it is run every few seconds.
"""

import http.client
import sys

TIMEOUT_SECONDS = 4.0


def problem(port: int) -> str | None:
    """Return why the process isn't ready, None if it is."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = answer.read(2000).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return f"{error or type(error).__name__}"
    finally:
        connection.close()
    return None if answer.status == http.client.OK else f"{answer.status} {body}"


if __name__ == "__main__":
    sys.exit(problem(int(sys.argv[1])))
