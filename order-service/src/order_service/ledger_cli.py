"""``order-service ledger``"""

import json
import threading
from datetime import UTC, datetime

import click
from sqlalchemy import Engine

from order_service.application.compare_gateways import CompareGateways, CompareGatewaysCommand
from order_service.application.ports import Period
from order_service.application.verify_ledger import VerifyLedger, VerifyLedgerCommand
from order_service.config import ListingSettings, OperatingSettings
from order_service.domain.ledger_differences import DESCRIPTIONS, LedgerFindings
from order_service.domain.ledger_seal import hour_of
from order_service.gateways.configured import configured_gateways
from order_service.migrations import SCHEMA
from order_service.persistence.gateway_balances import SqlGatewayBalances
from order_service.persistence.ledger_facts import SqlLedgerFacts
from servicekit.commands import BadInput, OneLineGroup
from servicekit.config import load_settings
from servicekit.db.operated_engine import operated_engine
from servicekit.db.schema_check import check_schema_or_exit
from servicekit.observability.logging import configure_logging

PROCESS = "order-ledger"


@click.group(name="ledger", cls=OneLineGroup)
def ledger() -> None:
    """Verify the sealed ledger of payments, discounts and refunds."""


class Hour(click.ParamType[datetime]):
    """A whole hour in UTC."""

    name = "hour"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value} is no time such as 2026-01-31T09:00Z", param, ctx)
        if moment != hour_of(moment):
            self.fail(f"{value} is no whole hour, such as 2026-01-31T09:00Z", param, ctx)
        return moment


class Digest(click.ParamType[bytes]):
    """A seal's, in hexadecimal digits."""

    name = "digest"

    def convert(self, value: str | bytes, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        try:
            digest = value if isinstance(value, bytes) else bytes.fromhex(value)
        except ValueError:
            digest = b""
        if len(digest) != 32:
            self.fail("a seal's digest has 64 hexadecimal digits", param, ctx)
        return digest


@ledger.command()
@click.option("--from", "begins", type=Hour(), help="Only from this hour on, in UTC.")
@click.option("--to", "ends", type=Hour(), help="Only until before this hour, in UTC.")
@click.option("--seal", "digests", type=Digest(), multiple=True, help="A seal's digest, kept from the log.")
@click.option("--gateway", "asks_gateways", is_flag=True, help="Ask the gateways about each payment, too.")
@click.option(
    "--per-second",
    default=20,
    type=click.IntRange(1, 1_000),
    show_default=True,
    help="Questions to gateways.",
)
@click.option("--ids", "max_ids", default=20, type=click.IntRange(0, 10_000), help="Ids to print of a kind.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(
    begins: datetime | None,
    ends: datetime | None,
    digests: tuple[bytes, ...],
    per_second: int,
    max_ids: int,
    *,
    asks_gateways: bool,
    as_json: bool,
) -> None:
    """Recompute the seals, and compare entries with payments, refunds and orders.

    Exit status 0: no difference. 1: differences. 2: it could not compare, or a gateway didn't answer.
    """
    if begins is not None and ends is not None and begins >= ends:
        raise BadInput("--from must be before --to")
    settings: ListingSettings | OperatingSettings = (
        load_settings(OperatingSettings) if asks_gateways else load_settings(ListingSettings)
    )
    configure_logging(settings.log_level, settings.log_format, PROCESS)
    check_schema_or_exit(settings, SCHEMA)
    period = Period(begins, ends)
    try:
        with operated_engine(settings, PROCESS) as engine:
            findings = VerifyLedger(SqlLedgerFacts(engine))(
                VerifyLedgerCommand(period, frozenset(digests), max_ids)
            )
            if isinstance(settings, OperatingSettings):
                _ask_gateways(engine, settings, CompareGatewaysCommand(period, 1 / per_second), findings)
    except click.ClickException as error:
        raise BadInput(error.message) from error
    click.echo(_as_json(findings) if as_json else _as_text(findings, max_ids))
    raise click.exceptions.Exit(1 if findings.counts else 2 if findings.unanswered else 0)


def _ask_gateways(
    engine: Engine, settings: OperatingSettings, command: CompareGatewaysCommand, findings: LedgerFindings
) -> None:
    gateways = configured_gateways(settings, connections=1)
    CompareGateways(SqlGatewayBalances(engine), gateways, threading.Event().wait)(command, findings)


def _as_json(findings: LedgerFindings) -> str:
    differences = {
        kind: {"count": number, "ids": findings.ids[kind]} for kind, number in findings.counts.items()
    }
    return json.dumps(
        {
            "compared": findings.compared,
            "debits": findings.debits,
            "credits": findings.credits,
            "differences": differences,
            "unanswered": findings.unanswered,
        }
    )


def _as_text(findings: LedgerFindings, max_ids: int) -> str:
    compared = ", ".join(f"{number:,} {name}" for name, number in findings.compared.items())
    lines = [f"compared {compared or 'nothing: there is nothing'}"]
    lines += [
        f"{currency}: debits {findings.debits[currency]:,}, credits {findings.credits[currency]:,} in all"
        for currency in sorted(findings.debits.keys() | findings.credits.keys())
    ]
    for kind, number in findings.counts.items():
        lines.append(f"{kind} ({number:,}): {DESCRIPTIONS[kind]}")
        lines += _listed(findings.ids[kind], number)
    if findings.unanswered:
        lines.append(f"not compared ({len(findings.unanswered):,}): payments whose gateway didn't say")
        lines += _listed(findings.unanswered[:max_ids], len(findings.unanswered))
    if not findings.counts:
        lines.append("no differences")
    return "\n".join(lines)


def _listed(ids: list[str], number: int) -> list[str]:
    more = [f"  and {number - len(ids):,} more"] if number > len(ids) else []
    return [f"  {identity}" for identity in ids] + more
