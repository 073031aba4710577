"""The only module that reads the environment."""

import os
from pathlib import Path

_PASSED_ON = (
    "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip


def base_environment() -> dict[str, str]:
    """Return what every started process may know of devstack's own environment."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


def java_home() -> Path | None:
    """Return the JAVA_HOME that the user has chosen, if any."""
    value = os.environ.get("JAVA_HOME")
    return Path(value) if value else None
