"""The command line: one command a process."""

import click

from provider_sandbox.config import GatewaySettings, SandboxSettings
from servicekit.commands import OneLineGroup
from servicekit.config import load_settings


@click.group(cls=OneLineGroup)
def main() -> None:
    """Stand-ins for external services, for development and tests."""


@main.command("run")
def serve() -> None:
    """Serve alimtalk providers and a receiver of monitoring webhooks, and keep what they receive."""
    from provider_sandbox.main import run
    from provider_sandbox.serving import SERVICE
    from servicekit.process import begin_process

    settings = load_settings(SandboxSettings)
    run(settings, begin_process(SERVICE, settings))


@main.command("gateway")
def serve_gateway() -> None:
    """Serve payment gateways, and keep the payments."""
    from provider_sandbox.gateways.main import run
    from provider_sandbox.serving import SERVICE
    from servicekit.process import begin_process

    settings = load_settings(GatewaySettings)
    run(settings, begin_process(SERVICE, settings))
