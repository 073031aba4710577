"""The command line."""

import click

from devstack.config import read_settings
from devstack.errors import DevstackError
from devstack.info import StackInfo
from devstack.interruption import interrupt_once
from devstack.processes import ProcessStatus
from devstack.stack_directory import StackDirectory
from devstack.stack_from_settings import named_stack, stack_to_start


class _OneLineFailures(click.Group):
    """Turns a command's failure into one line and an exit status."""

    def invoke(self, ctx: click.Context) -> None:
        try:
            interrupt_once()
            super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("devstack: interrupted", err=True)
            raise SystemExit(130) from None
        except DevstackError as error:
            click.echo(f"devstack: {error}", err=True)
            raise SystemExit(error.exit_status) from error


def _say(message: str) -> None:
    click.echo(f"  … {message}")


@click.group(cls=_OneLineFailures)
def main() -> None:
    """Start, watch and stop a whole stack: PostgreSQL, Kafka and every service.

    Environment variables choose the stack; deploy/devstack/README.md lists them.
    """


@main.command()
def up() -> None:
    """Start the processes that aren't running, and wait until they are ready."""
    stack = stack_to_start(read_settings())
    started = stack.up(_say)
    click.echo("up" if started else "already running")
    _print_addresses(stack.info())
    click.echo(f"  {'all addresses':24} {stack.info_path}")


@main.command()
def status() -> None:
    """Print the state, pid and address of every process."""
    settings = read_settings()
    names = StackDirectory(settings.directory).active()
    for name in names:
        for process in named_stack(settings, name).status():
            _print_status(process)
    if not names:
        click.echo("nothing is running")


@main.command()
def down() -> None:
    """Stop all processes. The data stay."""
    settings = read_settings()
    names = StackDirectory(settings.directory).active()
    for name in names:
        named_stack(settings, name).down(_say)
    click.echo("down" if names else "nothing was running")


@main.command()
def clean() -> None:
    """Stop all processes and remove their data. Data in external servers stay."""
    settings = read_settings()
    directory = StackDirectory(settings.directory)
    for name in sorted({*directory.active(), *directory.known()}):
        named_stack(settings, name).clean(_say)
        click.echo(f"removed {directory.path / name}")


def _print_status(process: ProcessStatus) -> None:
    """One line, which a script can split at white space."""
    why = process.reason or (f"exit status {process.exit_status}" if process.state == "failed" else "")
    where = f"{process.pid or '-':<8} {process.url or '-':24}"
    click.echo(f"  {process.name:24} {process.state:9} {where} {why}".rstrip())


def _print_addresses(info: StackInfo) -> None:
    for name, service in info.services.items():
        click.echo(f"  {name:24} {service.url}")
    click.echo(f"  {'kafka':24} {info.kafka.bootstrap_servers} ({info.kafka.version})")
    for name, url in info.postgresql.databases.items():
        click.echo(f"  {'postgresql, ' + name:24} {url} ({info.postgresql.version})")
