"""``python -m devstack.kafka_jars VERSION DIRECTORY`` copies the jars of a broker, for an image of it."""

import shutil
from pathlib import Path

import click

from devstack.jars import resolve_class_path
from devstack.kafka_broker import MODES, supported_version
from devstack.kafka_mode import BrokerPlace


@click.command()
@click.argument("version")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(version: str, directory: Path) -> None:
    """Copy every jar that a broker of VERSION needs to DIRECTORY."""
    mode = MODES[supported_version(version)](BrokerPlace(directory, 0, 0), version)
    for jar in resolve_class_path(mode.coordinates):
        shutil.copy(jar, directory)


if __name__ == "__main__":
    main()
