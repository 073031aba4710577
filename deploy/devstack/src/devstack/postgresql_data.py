"""PostgreSQL's data directory, from outside of the server."""

import os
import shutil
import subprocess
from pathlib import Path

import psutil

from devstack import config, system_user
from devstack.errors import DevstackError
from devstack.postgresql_programs import PostgresqlPrograms

ADMINISTRATOR = "postgres"


class DataDirectory:
    """One cluster's files."""

    def __init__(self, path: Path, programs: PostgresqlPrograms) -> None:
        self.path = path
        self._programs = programs
        self._lock_file = path / "postmaster.pid"

    def make_if_missing(self, *, durable: bool) -> None:
        """Run initdb where it hasn't been; an interrupted run is never taken for a whole one."""
        if self.path.exists():
            return
        new = self.path.with_name(self.path.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700, parents=True)
        password_file = self.path.with_name("administrator-password")
        password_file.write_text(ADMINISTRATOR)
        try:
            user = system_user.server_user()
            if user is not None:
                system_user.let_run(self._programs.installation)
                system_user.let_reach(new)
                for path in (new, password_file):
                    os.chown(path, user.pw_uid, user.pw_gid)
            made = subprocess.run(  # noqa: S603 the installed server's own program
                [
                    *self._programs.as_user("initdb"), "--pgdata", new, "--username", ADMINISTRATOR,
                    "--pwfile", password_file, "--auth", "scram-sha-256", "--encoding", "UTF8",
                    *self._programs.locale, *(() if durable else ("--no-sync",)),
                ],
                env=config.base_environment(), capture_output=True, text=True, check=False,
            )  # fmt: skip
        finally:
            password_file.unlink()
        if made.returncode != 0:
            raise DevstackError(f"initdb could not create PostgreSQL's data directory: {made.stderr.strip()}")
        new.rename(self.path)

    def not_ready_because(self, server_pid: int | None) -> str | None:
        """Return why the server of this pid does not serve yet, or None if it does."""
        try:
            lines = self._lock_file.read_text().splitlines()
        except FileNotFoundError:
            return "it is starting"
        # A killed server has left its own. The eighth line is the status.
        own = len(lines) > 7 and lines[0] == str(server_pid)
        status = lines[7].strip() if own else "starting"
        return None if status == "ready" else f"it is {status}"

    def forget_foreign_lock_file(self) -> None:
        """Remove a killed server's lock file if another program has its pid now: PostgreSQL would refuse."""
        try:
            holder = psutil.Process(int(self._lock_file.read_text().split(maxsplit=1)[0]))
            foreign = holder.name() != "postgres"
        except (FileNotFoundError, psutil.NoSuchProcess, ValueError, IndexError):
            return
        if foreign:
            self._lock_file.unlink()
