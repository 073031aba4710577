"""``outbox-relay dead-letters``"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar
from uuid import UUID

import click
from pydantic import BaseModel

from outbox_relay.config import SourcesSettings
from outbox_relay.operations.cli_errors import disposing, find_database
from outbox_relay.operations.dead_letter_replies import (
    DeadLetterReply,
    DeadLettersReply,
    DeadLetterWithEventReply,
    DiscardedReply,
    ReplayedReply,
)
from outbox_relay.postgresql.database import operator_engine
from outbox_relay.postgresql.dead_letter_operations import (
    STATE_FILTERS,
    DeadLetterError,
    DeadLetterOperations,
    Selection,
)
from servicekit.commands import OPERATOR, REASON, BadInput, OneLineGroup, Text
from servicekit.config import load_settings
from servicekit.fields import MAX_INT64, Storable
from servicekit.observability.logging import configure_logging
from servicekit.rfc3339 import format_rfc3339

_Command = TypeVar("_Command", bound=Callable[..., object])
_COLUMNS = ("EVENT ID", "STATE", "KIND", "TOPIC", "KEY", "ATTEMPTS", "PARKED AT", "REASON")
# The longest name of a topic is shown whole; ``show`` and ``--json`` print longer keys whole, too.
_NAME_CHARACTERS = 249
_REASON_CHARACTERS = 200


_TEXT = Text(Annotated[str, Storable])

_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_by_option = click.option("--by", type=OPERATOR, required=True, help="Your name; stored and logged.")
_reason_option = click.option("--reason", type=REASON, required=True, help="Why; stored and logged.")


def _selection_options(command: _Command) -> _Command:
    for decorate in (
        click.option("--kind", type=_TEXT, help="With --all: only dead letters of this kind."),
        click.option("--all", "everything", is_flag=True, help="All parked events of the source."),
        click.option("--key", type=_TEXT, help="With --topic: all parked events of this key."),
        click.option(
            "--topic", type=_TEXT, help="The topic of --key; with --all: only dead letters of this topic."
        ),
        click.argument("event_ids", metavar="[EVENT_ID]...", nargs=-1, type=click.UUID),
    ):
        command = decorate(command)
    return command


@click.group(name="dead-letters", cls=OneLineGroup)
def dead_letters() -> None:
    """List, show, replay and discard events that Kafka refuses, and the later events of their keys.

    SOURCE is the NAME of SOURCES__<NAME>__DATABASE_URL in small letters.
    """


@dead_letters.command(name="list")
@click.argument("source")
@click.option(
    "--state", type=click.Choice(list(STATE_FILTERS), case_sensitive=False), default="OPEN", show_default=True
)
@click.option("--topic", type=_TEXT, help="Only dead letters of this topic.")
@click.option("--key", type=_TEXT, help="Only dead letters of this key.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@click.option(
    "--after", type=click.IntRange(0, MAX_INT64), default=0, help="Only dead letters behind this position."
)
@_json_option
def list_command(
    source: str, state: str, topic: str | None, key: str | None, limit: int, after: int, *, as_json: bool
) -> None:
    """List dead letters by position; by default those that are open, which hold their keys back."""
    with _operations(source) as operations:
        letters = operations.find(STATE_FILTERS[state], topic=topic, key=key, limit=limit, after=after)
    reply = DeadLettersReply.of(letters, limit)
    if as_json:
        _print_json(reply)
        return
    if not letters:
        click.echo("no dead letters")
        return
    _print_table([_COLUMNS, *(_row(letter) for letter in reply.dead_letters)])
    if reply.next_after is not None:
        click.echo(f"more with --after {reply.next_after}")


@dead_letters.command()
@click.argument("source")
@click.argument("event_id", type=click.UUID)
@_json_option
def show(source: str, event_id: UUID, *, as_json: bool) -> None:
    """Show a dead letter, with the record that Kafka is to get."""
    with _operations(source) as operations:
        reply = DeadLetterWithEventReply.with_event(*operations.show(event_id))
    if as_json:
        _print_json(reply)
        return
    fields = reply.model_dump(mode="json", by_alias=True)
    headers, payload = fields.pop("headers"), fields.pop("payload")
    _print_table([(name, "" if value is None else str(value)) for name, value in fields.items()])
    _print_table([(f"header {name}", value) for name, value in headers.items()])
    click.echo(_printable(payload))


@dead_letters.command()
@click.argument("source")
@_selection_options
@_by_option
@_reason_option
@_json_option
def replay(source: str, by: str, reason: str, *, as_json: bool, **selected: Any) -> None:
    """Send parked events again, in the order of each key.

    EVENT_IDs are sent together with the events that are parked before them in their keys. --topic with --key,
    and --all, which --topic and --kind may narrow, send whole keys.
    """
    selection = _read_selection(**selected)
    with _operations(source) as operations:
        reply = ReplayedReply.of(operations.replay(selection, by=by, reason=reason))
    _check_matched(reply.replaying)
    if as_json:
        _print_json(reply)
    else:
        click.echo(f"{reply.replaying} to be replayed")


@dead_letters.command()
@click.argument("source")
@_selection_options
@click.option("--replay-rest", is_flag=True, help="Replay the other parked events of their keys.")
@_by_option
@_reason_option
@_json_option
def discard(source: str, by: str, reason: str, *, replay_rest: bool, as_json: bool, **selected: Any) -> None:
    """Give up the selected parked events, and no others. They will never be sent.

    Later events of their keys stay parked, unless --replay-rest is given.
    """
    selection = _read_selection(**selected)
    with _operations(source) as operations:
        reply = DiscardedReply.of(
            operations.discard(selection, by=by, reason=reason, replay_rest=replay_rest)
        )
    _check_matched(reply.discarded)
    if as_json:
        _print_json(reply)
        return
    click.echo(f"{reply.discarded} discarded, {reply.replaying} of their keys to be replayed")
    if reply.still_parked:
        click.echo(f"{reply.still_parked} of their keys are still parked; replay or discard them, too")


def _read_selection(
    event_ids: Sequence[UUID], topic: str | None, key: str | None, kind: str | None, *, everything: bool
) -> Selection:
    if event_ids and (topic, key, kind, everything) == (None, None, None, False):
        return Selection(event_ids=tuple(event_ids))
    if not event_ids and everything and key is None:
        return Selection(topic=topic, kind=kind)
    if not event_ids and not everything and topic is not None and key is not None and kind is None:
        return Selection(topic=topic, key=key)
    raise BadInput(
        "these arguments select nothing: give event ids, or --topic and --key, "
        "or --all, which --topic and --kind may narrow"
    )


@contextmanager
def _operations(source: str) -> Iterator[DeadLetterOperations]:
    settings = load_settings(SourcesSettings)
    configure_logging(settings.log_level, settings.log_format, "outbox-relay")
    engine = operator_engine(find_database(settings, source))
    with disposing(engine):
        try:
            yield DeadLetterOperations(source, engine)
        except DeadLetterError as error:
            raise click.ClickException(str(error)) from error


def _check_matched(events: int) -> None:
    if not events:
        raise click.ClickException("no parked event matches; `outbox-relay dead-letters list` shows them")


def _print_json(reply: BaseModel) -> None:
    click.echo(reply.model_dump_json(by_alias=True))


def _row(letter: DeadLetterReply) -> Sequence[str]:
    return (
        str(letter.event_id),
        letter.state,
        letter.kind,
        _shortened(letter.topic, _NAME_CHARACTERS),
        _shortened(letter.key, _NAME_CHARACTERS),
        str(letter.attempts),
        format_rfc3339(letter.parked_at),
        _shortened(letter.reason, _REASON_CHARACTERS),
    )


def _shortened(text: str, characters: int) -> str:
    shown = _printable(text)
    return shown if len(shown) <= characters else f"{shown[: characters - 1]}…"


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    cells = [[_printable(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    for row in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _printable(text: str) -> str:
    """Keys and payloads come from elsewhere: no control character of theirs may reach the terminal."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
