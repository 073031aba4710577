"""``provider-sandbox``"""

import click

from provider_sandbox import main as sandbox
from provider_sandbox.config import SandboxSettings
from servicekit.config import load_settings
from servicekit.lifecycle import StopSignal
from servicekit.observability.logging import configure_logging


@click.group()
def main() -> None:
    """An alimtalk provider and a receiver of monitoring webhooks, for development and tests."""


@main.command()
def run() -> None:
    """Serve both, and keep what they were sent."""
    settings = load_settings(SandboxSettings)
    configure_logging(settings.log_level, settings.log_format, sandbox.SERVICE)
    stop = StopSignal()
    stop.install()
    sandbox.run(settings, stop)
