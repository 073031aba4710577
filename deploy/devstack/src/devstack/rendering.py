"""How the command line shows a stack."""

from rich.console import Console
from rich.markup import escape

from devstack.info import StackInfo
from devstack.status import ProcessStatus, State

_STYLES: dict[State, str] = {
    "ready": "green",
    "unready": "yellow",
    "frozen": "cyan",
    "stopped": "dim",
    "failed": "red",
}


def print_status(console: Console, statuses: list[ProcessStatus]) -> None:
    """Print one line a process; a script can split it at white space."""
    for status in statuses:
        why = status.reason or (f"exit status {status.exit_status}" if status.state == "failed" else "")
        state = f"[{_STYLES[status.state]}]{status.state:9}[/]"
        where = f"{status.pid or '-':<8} {status.url or '-':24}"
        console.print(f"  {status.name:24} {state} {where} {escape(why)}".rstrip())


def print_info(console: Console, info: StackInfo) -> None:
    """Print where everything is, one line each."""
    for name, service in info.services.items():
        console.print(f"  {name:24} {service.url}")
    console.print(f"  {'kafka':24} {info.kafka.bootstrap_servers} ({info.kafka.version})")
    for name, url in info.postgresql.databases.items():
        console.print(f"  {'postgresql, ' + name:24} {url} ({info.postgresql.version})")
