"""The command line."""

import subprocess
from collections.abc import Callable
from functools import update_wrapper
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from devstack import choose
from devstack.config import read_settings
from devstack.errors import DevstackError
from devstack.interruption import interrupted_once
from devstack.kafka_broker import DEFAULT_VERSION, MODES
from devstack.rendering import print_info, print_status
from devstack.stack import Stack
from devstack.stack_directory import StackDirectory

EXIT_INTERRUPTED = 130

console = Console(highlight=False, soft_wrap=True)


def _telling(command: Callable[..., None]) -> Callable[..., None]:
    def told(*arguments: Any, **options: Any) -> None:
        try:
            with interrupted_once(lambda: _say("one moment, what was begun is being ended")):
                command(*arguments, **options)
        except KeyboardInterrupt:
            click.echo("devstack: interrupted", err=True)
            raise SystemExit(EXIT_INTERRUPTED) from None
        except DevstackError as error:
            click.echo(f"devstack: {error}", err=True)
            raise SystemExit(error.exit_status) from error

    return update_wrapper(told, command)


def _say(message: str) -> None:
    console.print(f"  [dim]…[/] {escape(message)}")


@click.group()
def main() -> None:
    """Start, watch and stop a whole stack: PostgreSQL, Kafka and every service."""


@main.command()
@click.option(
    "--kind", type=click.Choice(["embedded", "external", "compose"]), envvar="STACK", default="embedded"
)
@click.option(
    "--kafka", envvar="KAFKA", help=f"Version of Kafka: {', '.join(MODES)}.", default=DEFAULT_VERSION
)
@click.option("--postgresql-url", envvar="EXTERNAL_POSTGRESQL_URL", help="External: an administrator's URL.")
@click.option(
    "--bootstrap-servers", envvar="EXTERNAL_KAFKA_BOOTSTRAP_SERVERS", help="External: Kafka's address."
)
@_telling
def up(kind: str, kafka: str, postgresql_url: str | None, bootstrap_servers: str | None) -> None:
    """Start what isn't running, and wait until it is ready."""
    settings = read_settings()
    if kind == "external":
        stack = choose.external_stack(settings, postgresql_url, bootstrap_servers)
    else:
        stack = (choose.compose_stack if kind == "compose" else choose.embedded_stack)(settings, kafka)
    started = stack.up(_say)
    console.print("[green]up[/]" if started else "already running")
    print_info(console, stack.info())
    console.print(f"  {'all of it':24} {stack.info_path}")


@main.command()
@_telling
def status() -> None:
    """Say what runs, and where."""
    print_status(console, _stack().status())


@main.command()
@_telling
def down() -> None:
    """Stop everything; the data stay."""
    settings = read_settings()
    names = StackDirectory(settings.directory).active()
    for name in names:
        choose.named_stack(settings, name).down(_say)
    console.print("down" if names else "nothing was running")


@main.command()
@_telling
def clean() -> None:
    """Stop everything and remove its data. What is in external servers stays."""
    settings = read_settings()
    directory = StackDirectory(settings.directory)
    for name in sorted({*directory.active(), *directory.known()}):
        choose.named_stack(settings, name).clean(_say)
        console.print(f"removed {directory.data(name)}")


@main.command()
@click.argument("name")
@_telling
def start(name: str) -> None:
    """Start one process, and wait until it is ready."""
    console.print(f"{name} runs as {_stack().start(name)}")


@main.command()
@click.argument("name")
@click.option("--timeout", type=float, help="Seconds after which it is killed.")
@_telling
def stop(name: str, timeout: float | None) -> None:
    """Ask one process to end; kill it if it doesn't."""
    console.print(f"{name} ended with {_stack().stop(name, timeout)}")


@main.command()
@click.argument("name")
@_telling
def kill(name: str) -> None:
    """Kill one process, giving it no chance to do anything."""
    console.print(f"{name} is killed" if _stack().kill(name) else f"{name} was not running")


@main.command()
@click.argument("name")
@_telling
def pause(name: str) -> None:
    """Freeze one process until `resume`."""
    console.print(f"{name} is frozen" if _stack().pause(name) else f"{name} was not running")


@main.command()
@click.argument("name")
@_telling
def resume(name: str) -> None:
    """Let a frozen process go on."""
    console.print(f"{name} goes on" if _stack().resume(name) else f"{name} was not running")


@main.command()
@click.argument("name")
@click.option("--lines", default=50, show_default=True, help="How many of the last lines.")
@click.option("--follow", is_flag=True, help="Go on with what is written from now on.")
@_telling
def logs(name: str, lines: int, follow: bool) -> None:
    """Show what a process has written."""
    stack = _stack()
    stack.write_logs()
    if not stack.log_path(name).exists():
        console.print(f"{name} has never run")
        return
    command = stack.log_command(name, lines, follow=follow)
    subprocess.run(command, check=False)  # noqa: S603 nothing but numbers and a known path


def _stack() -> Stack:
    return choose.present_stack(read_settings())
