"""``coupon-service reconcile``: what it prints and how it ends."""

import json
import sys
from contextlib import suppress

import click

from coupon_service.application.reconcile_requests import Repaired
from coupon_service.config import ReconcileSettings
from coupon_service.domain.reconciling import DESCRIPTIONS, GETS_EVENT_AGAIN, GETS_RECOUNTED, Findings
from servicekit.commands import BadInput
from servicekit.config import load_settings
from servicekit.observability.logging import configure_logging


@click.command()
@click.option("--repair", is_flag=True, help="Mend what is safe to mend.")
@click.option(
    "--ids", "max_ids", default=20, type=click.IntRange(0, 10_000), help="How many ids to print of each kind."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def reconcile(*, repair: bool, max_ids: int, as_json: bool) -> None:
    """Compare requests, decisions, coupons, counters, outbox and topic.

    Exit status 0: no difference. 1: differences, also where they were mended: run it again to see. 2: it
    could not compare. Requests of the last minute count as on their way.
    """
    from coupon_service.reconcile import PROCESS
    from coupon_service.reconcile import reconcile as run
    from servicekit.db.schema import SchemaRefused

    settings = load_settings(ReconcileSettings)
    configure_logging(settings.log_level, settings.log_format, PROCESS)
    progress = _Progress()
    try:
        findings, repaired = run(settings, repair=repair, max_ids=max_ids, progress=progress.show)
    except SchemaRefused as error:
        raise BadInput(str(error)) from error
    except click.ClickException as error:
        raise BadInput(error.message) from error
    finally:
        progress.clear()
    click.echo(_as_json(findings, repaired) if as_json else _as_text(findings, repaired, repair=repair))
    if findings.counts:
        raise SystemExit(1)


class _Progress:
    """One line on a terminal, and nothing anywhere else."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr.isatty()

    def show(self, name: str, done: int, about: int) -> None:
        if self._is_shown:
            of = f" of about {about:,}" if about >= done else ""
            self._write(f"{name.replace('_', ' ')}: {done:,}{of}")

    def clear(self) -> None:
        if self._is_shown:
            self._write("")

    def _write(self, line: str) -> None:
        # A terminal that is gone must not end the comparison.
        with suppress(OSError):
            click.echo(f"\r\x1b[2K{line}", err=True, nl=False)


def _as_json(findings: Findings, repaired: Repaired) -> str:
    return json.dumps(
        {
            "compared": dict(findings.compared),
            "waiting": dict(findings.waiting),
            "differences": {
                kind: {"count": number, "ids": findings.ids[kind]} for kind, number in findings.counts.items()
            },
            "repaired": {
                "sentAgain": repaired.sent_again,
                "recounted": repaired.recounted,
                "notRecounted": repaired.not_recounted,
            },
        }
    )


def _as_text(findings: Findings, repaired: Repaired, *, repair: bool) -> str:
    compared = (f"{number:,} {name.replace('_', ' ')}" for name, number in findings.compared.items())
    lines = [f"compared {', '.join(compared) or 'nothing: there is nothing'}"]
    lines += [
        f"{number:,} requests wait {reason.replace('_', ' ')}, longer than a minute"
        for reason, number in findings.waiting.items()
    ]
    for kind, number in findings.counts.items():
        lines.append(f"{kind} ({number:,}): {DESCRIPTIONS[kind]}")
        lines += [f"  {identity}" for identity in findings.ids[kind]]
        if number > len(findings.ids[kind]):
            lines.append(f"  and {number - len(findings.ids[kind]):,} more")
    if not findings.counts:
        return "\n".join([*lines, "no differences"])
    if not repair:
        if any(kind in GETS_EVENT_AGAIN | GETS_RECOUNTED for kind in findings.counts):
            lines.append("--repair mends what is safe")
        return "\n".join(lines)
    lines.append(
        f"mended: {repaired.sent_again:,} events sent again, {repaired.recounted:,} coupons recounted"
    )
    left = [kind.value for kind in findings.counts if kind not in GETS_EVENT_AGAIN | GETS_RECOUNTED]
    if repaired.not_recounted:
        left.append(f"the counters of {repaired.not_recounted:,} coupons")
    lines.append(f"needs a human: {', '.join(left) or 'nothing'}")
    return "\n".join(lines)
