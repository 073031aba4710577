"""``<service> dead-letters``: the same commands for every consumer."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from servicekit.commands import OPERATOR, REASON, BadInput, OneLineGroup
from servicekit.rfc3339 import format_rfc3339

if TYPE_CHECKING:
    from servicekit.messaging.dead_letter_operations import DeadLetter, DeadLetterOperations

_Command = TypeVar("_Command", bound=Callable[..., object])
Open = Callable[[], "AbstractContextManager[DeadLetterOperations[Any]]"]

_COLUMNS = ("ID", "STATE", "SOURCE", "KEY", "FAILED AT", "REASON")
_KEY_CHARACTERS = 60
_REASON_CHARACTERS = 200


class _Id(click.ParamType[tuple[int, int]]):
    name = "id"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        partition, separator, offset = str(value).partition(":")
        if not (separator and partition.isdecimal() and offset.isdecimal()):
            self.fail(f"{value!r} is not PARTITION:OFFSET, as list prints it", param, ctx)
        return int(partition), int(offset)


def _selection(command: _Command) -> _Command:
    for decorate in (
        click.option("--reason", type=REASON, required=True, help="Why; stored and logged."),
        click.option("--by", type=OPERATOR, required=True, help="Your name; stored and logged."),
        click.option("--all", "everything", is_flag=True, help="All that are open."),
        click.argument("ids", metavar="[ID]...", nargs=-1, type=_Id()),
    ):
        command = decorate(command)
    return command


def dead_letters_group(topic: str, open_operations: Open) -> click.Group:
    """The group ``dead-letters`` for ``<topic>.dlt``; ``open_operations`` connects for one command."""

    @click.group(name="dead-letters", cls=OneLineGroup, help=f"Handle the records of {topic}.dlt.")
    def dead_letters() -> None: ...

    @dead_letters.command(name="list")
    @click.option("--any", "every", is_flag=True, help="Also those that were replayed or discarded.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    def list_command(*, every: bool, as_json: bool) -> None:
        """List dead letters; by default those that are open."""
        with _opened(open_operations) as operations:
            letters = operations.find(every=every)
        if as_json:
            click.echo(json.dumps([_as_json(letter) for letter in letters]))
        elif letters:
            _print_table([_COLUMNS, *map(_row, letters)])
        else:
            click.echo("no dead letters")

    @dead_letters.command()
    @click.argument("letter_id", metavar="ID", type=_Id())
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    def show(letter_id: tuple[int, int], *, as_json: bool) -> None:
        """Show a dead letter with its headers and its value."""
        with _opened(open_operations) as operations:
            (letter,) = operations.get([letter_id])
        if as_json:
            click.echo(json.dumps(_as_json(letter) | _content(letter)))
            return
        fields = _as_json(letter)
        _print_table([(name, "" if value is None else str(value)) for name, value in fields.items()])
        _print_table([(f"header {name}", _text(value)) for name, value in letter.record.headers])
        click.echo(_printable(_text(letter.record.value)))

    @dead_letters.command()
    @_selection
    def replay(ids: Sequence[tuple[int, int]], by: str, reason: str, *, everything: bool) -> None:
        """Apply originals now, in this service's database; each at most once."""
        with _opened(open_operations) as operations:
            _each(
                operations,
                ids,
                everything,
                "replayed",
                lambda one: operations.replay(one, by=by, reason=reason),
            )

    @dead_letters.command()
    @_selection
    def discard(ids: Sequence[tuple[int, int]], by: str, reason: str, *, everything: bool) -> None:
        """Give dead letters up. They stay in their topic and are listed with --any."""
        with _opened(open_operations) as operations:
            _each(
                operations,
                ids,
                everything,
                "discarded",
                lambda one: operations.discard(one, by=by, reason=reason),
            )

    return dead_letters


@contextmanager
def _opened(open_operations: Open) -> "Iterator[DeadLetterOperations[Any]]":
    # Not above: help and wrong arguments need neither a driver nor a client.
    from kafka.errors import KafkaError

    from servicekit.db.schema import SchemaRefused
    from servicekit.messaging.dead_letter_operations import DeadLetterError

    try:
        with open_operations() as operations:
            yield operations
    except (DeadLetterError, KafkaError) as error:
        raise click.ClickException(str(error)) from error
    except SchemaRefused as error:
        raise BadInput(str(error)) from error


def _each(
    operations: "DeadLetterOperations[Any]",
    ids: Sequence[tuple[int, int]],
    everything: bool,
    done: str,
    act: "Callable[[DeadLetter], None]",
) -> None:
    """Act on each; one that fails doesn't keep the others from it, and is reported at the end."""
    from servicekit.messaging.dead_letter_operations import DeadLetterError

    if bool(ids) == everything:
        raise BadInput("give IDs, as list prints them, or --all")
    letters = operations.find() if everything else operations.get(ids)
    failures = []
    for letter in letters:
        try:
            act(letter)
        except DeadLetterError as error:
            failures.append(str(error))
    click.echo(f"{len(letters) - len(failures)} {done}")
    if failures:
        raise click.ClickException("; ".join(failures))


def _as_json(letter: "DeadLetter") -> dict[str, Any]:
    topic, partition, offset, end = letter.source
    handling = letter.handling
    return {
        "id": str(letter.id),
        "state": letter.state,
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "nextOffset": end,
        "key": None if letter.key is None else _text(letter.key),
        "failedAt": letter.header("dlt-failed-at"),
        "reason": letter.header("dlt-reason"),
        "whole": letter.is_whole,
        "handledBy": None if handling is None else handling.by,
        "handledReason": None if handling is None else handling.reason,
        "handledAt": None if handling is None else format_rfc3339(handling.at),
    }


def _content(letter: "DeadLetter") -> dict[str, Any]:
    headers = [[name, _text(value)] for name, value in letter.record.headers]
    return {"headers": headers, "value": _text(letter.record.value)}


def _row(letter: "DeadLetter") -> Sequence[str]:
    topic, partition, offset, end = letter.source
    offsets = str(offset) if end == offset + 1 else f"{offset}-{end - 1}"
    return (
        str(letter.id),
        letter.state,
        f"{topic} {partition}:{offsets}",
        _shortened(_text(letter.key), _KEY_CHARACTERS),
        letter.header("dlt-failed-at"),
        _shortened(letter.header("dlt-reason"), _REASON_CHARACTERS),
    )


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode(errors="backslashreplace")


def _shortened(text: str, characters: int) -> str:
    shown = _printable(text)
    return shown if len(shown) <= characters else f"{shown[: characters - 1]}…"


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    cells = [[_printable(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    for row in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _printable(text: str) -> str:
    """Keys and values come from elsewhere: no control character of theirs may reach the terminal."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
