"""How the command line shows a stack."""

from rich.console import Console
from rich.table import Table

from devstack.info import StackInfo
from devstack.status import ProcessStatus, State

_STYLES: dict[State, str] = {
    "ready": "green",
    "unready": "yellow",
    "frozen": "cyan",
    "stopped": "dim",
    "failed": "red",
}


def status_table(statuses: list[ProcessStatus]) -> Table:
    """Return one row a process."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("process", "state", "pid", "where", "why"):
        table.add_column(heading, overflow="fold")
    for status in statuses:
        why = status.reason or (f"exit status {status.exit_status}" if status.state == "failed" else "")
        state = f"[{_STYLES[status.state]}]{status.state}[/]"
        table.add_row(status.name, state, str(status.pid or ""), status.url or "", why)
    return table


def print_info(console: Console, info: StackInfo) -> None:
    """Print where everything is, one line each."""
    for name, service in info.services.items():
        console.print(f"  {name:24} {service.url}")
    console.print(f"  {'kafka':24} {info.kafka.bootstrap_servers} ({info.kafka.version})")
    for name, url in info.postgresql.databases.items():
        console.print(f"  {'postgresql, ' + name:24} {url} ({info.postgresql.version})")
