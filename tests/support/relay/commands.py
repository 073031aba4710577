"""``outbox-relay`` as an operator calls it in the container of a relay of the source ``test``."""

import os
import subprocess

from tests.support.relay.outbox import Outbox
from tests.support.relay.process import relay_command

_NO_KAFKA = "127.0.0.1:9"


def command(*arguments: str, of: Outbox, kafka: str | None = None) -> str:
    """What a command says that succeeds."""
    status, output = command_status(*arguments, of=of, kafka=kafka)
    assert status == 0, output
    return output


def command_status(*arguments: str, of: Outbox, kafka: str | None = None) -> tuple[int, str]:
    """Its exit status, and what it says."""
    environment = {
        "PATH": os.environ["PATH"],
        "SOURCES__TEST__DATABASE_URL": of.relay_url,
        "KAFKA_BOOTSTRAP_SERVERS": kafka or _NO_KAFKA,
    }
    done = subprocess.run(
        [relay_command()[0], *arguments], env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, (done.stdout + done.stderr).strip()
