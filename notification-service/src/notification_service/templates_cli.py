"""``notification-service templates``, and the same check before the consumer starts."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import click

from notification_service.alimtalk.providers import create_template_register
from notification_service.alimtalk_settings import AlimtalkSettings
from notification_service.application.ports import TemplateRegister
from notification_service.config import TemplatesSettings
from notification_service.domain.alimtalk_message import ORDER_COMPLETED
from notification_service.domain.alimtalk_template import Template
from notification_service.domain.errors import DeliveryFailed
from notification_service.domain.registered_template import obstacle
from notification_service.domain.template_catalog import TemplateCatalog
from notification_service.template_files import FOLDER, InvalidTemplates, read_catalog
from servicekit.commands import OneLineGroup
from servicekit.config import load_settings
from servicekit.outbound.http_client import create_http_client

_TIMEOUT_SECONDS = 10.0


@click.group(name="templates", cls=OneLineGroup)
def templates() -> None:
    """Check the templates of messages."""


@templates.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=FOLDER)
@click.option("--provider", "asks_provider", is_flag=True, help="Also ask the providers for approvals.")
def check(folder: Path, *, asks_provider: bool) -> None:
    """Check the templates in FOLDER, or those of this release; a line for each fault, and exit status 1."""
    settings = load_settings(TemplatesSettings) if asks_provider else None
    try:
        catalog = read_catalog(folder)
    except InvalidTemplates as invalid:
        _print_faults(invalid.faults)
        return
    if settings is None:
        click.echo("no fault; approvals are asked for with --provider")
        return
    _print_faults([*_missing_ids(settings, catalog), *_faults_at_providers(settings, catalog)])


def templates_or_exit(settings: AlimtalkSettings) -> TemplateCatalog:
    """The templates of this release. Exits with 2, and a line for each fault, if they can't be used."""
    try:
        catalog = read_catalog()
    except InvalidTemplates as invalid:
        _refuse(invalid.faults)
    if faults := list(_missing_ids(settings, catalog, needed_only=True)):
        _refuse(faults)
    return catalog


def _refuse(faults: Sequence[str]) -> NoReturn:
    for fault in faults:
        print(f"Error: {fault}", file=sys.stderr)  # noqa: T201 - like any command's error
    raise SystemExit(2) from None


def _missing_ids(
    settings: AlimtalkSettings, catalog: TemplateCatalog, *, needed_only: bool = False
) -> Iterator[str]:
    """What has no id at its provider. Only completed orders need theirs to start: other messages wait."""
    for chosen in settings.alimtalk_chosen:
        if chosen.template_ids is None:
            continue
        variable, ids = chosen.template_ids
        for template in catalog.in_use(settings.alimtalk_locale):
            if template.code not in ids and not (needed_only and template.message != ORDER_COMPLETED.name):
                yield f"{variable} has no id of {template.code}; several are written CODE=ID,CODE=ID"


def _faults_at_providers(settings: AlimtalkSettings, catalog: TemplateCatalog) -> Iterator[str]:
    with create_http_client(_TIMEOUT_SECONDS, 1) as client:
        for chosen in settings.alimtalk_chosen:
            register = create_template_register(settings, client, chosen.name)
            if register is None:
                click.echo(f"{chosen.name} can't be asked for approvals", err=True)
                continue
            where = f" at {chosen.name}" if settings.alimtalk_second else ""
            for template in catalog.in_use(settings.alimtalk_locale):
                if (found := _fault(register, template)) is not None:
                    yield f"{_name(template)}{where}: {found}"


def _fault(register: TemplateRegister, template: Template) -> str | None:
    try:
        return obstacle(template, register.registered(template.code))
    except DeliveryFailed as error:
        return f"not checked: {error.reason.value}"


def _name(template: Template) -> str:
    return f"{template.code} ({template.message}.{template.locale.value}.v{template.version})"


def _print_faults(faults: Sequence[str]) -> None:
    for fault in faults:
        click.echo(fault)
    if faults:
        raise SystemExit(1)
    click.echo("no fault")
